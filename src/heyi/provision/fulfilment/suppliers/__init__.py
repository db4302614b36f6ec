"""Suppliers: one file per dialect, and one table that names them all. Everything here is pure."""

from heyi.provision.fulfilment.suppliers import fulu, kasushou
from heyi.provision.fulfilment.suppliers.speech import PASSING, Callback, Dialect, Heard, Order, Refusal

DIALECTS: dict[str, Dialect] = {"kasushou": kasushou.DIALECT, "fulu": fulu.DIALECT}

__all__ = ["DIALECTS", "PASSING", "Callback", "Dialect", "Heard", "Order", "Refusal"]
