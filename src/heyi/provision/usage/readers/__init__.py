"""How partners' lists of rights are read: one file per protocol, and this table that names them all.

A reader is pure: generators that yield calls and end in a page. `page` reads changes behind a cursor (None: from the
beginning); `some` asks about single rights by our outer numbers, and what the answer leaves out they do not know.
A row that makes no sense (`latest`: the latest time that it may tell) is set apart and stops nothing. A cursor only
moves forward: a page after which there is more, and that does not move it, is a problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from heyi.kernel.talk import Look
from heyi.provision.usage.lists import Page
from heyi.provision.usage.readers import partner_rights


class Reader(Protocol):
    SOME_MAX: int

    def page(self, base_url: str, key: str, cursor: str | None, *, latest: datetime) -> Look[Page]: ...

    def some(self, base_url: str, key: str, numbers: Sequence[str], *, latest: datetime) -> Look[Page]: ...


READERS: dict[str, Reader] = {"partner_rights": partner_rights}

__all__ = ["READERS", "Reader"]
