"""What suppliers speak: one file per dialect, one table that names them all."""

from simulator.dialects import fulu, kasushou
from simulator.dialects.speech import Speech

SPEECHES: dict[str, Speech] = {"kasushou": kasushou.Kasushou(), "fulu": fulu.Fulu()}
