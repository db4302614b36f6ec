"""The handful of tools that flows work with; app/wiring makes one of these per process."""

from __future__ import annotations

from dataclasses import dataclass

from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Tools:
    db: Database
    clock: Clock
    sealing: Sealing
    http: Http
    settings: Settings
