"""Where partners' words come from: sources, and the lists that we read there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from heyi.provision.usage.model import Kind


@dataclass(frozen=True, slots=True)
class Source:
    """Where a partner's word comes from. `protocol` push: they report by themselves, and nothing is asked.

    `fresh_s`: how old their last word may be. `cursor` is how far their list was read.
    """

    id: UUID
    partner_id: UUID
    protocol: str
    base_url: str | None
    interval_s: int
    fresh_s: int
    state: str
    cursor: str | None
    due_at: datetime | None
    busy: bool
    started_at: datetime | None
    drained_at: datetime | None
    pages: int
    rights: int
    compared: int
    failures: int
    problem: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A source in our hands: what a poll needs. `key` is in the clear."""

    id: UUID
    partner_id: UUID
    protocol: str
    base_url: str
    key: str = field(repr=False)
    cursor: str | None
    fresh_s: int
    interval_s: int
    failures: int
    lease: UUID


@dataclass(frozen=True, slots=True)
class Promise:
    """How fresh a partner's word is to be; `drained_at`: until when its list of changes was read to the end."""

    fresh_s: int
    drained_at: datetime | None


@dataclass(frozen=True, slots=True)
class TheirRight:
    """One right as a partner's list shows it. `number` is our outer number at the supplier."""

    number: str
    kind: Kind | None
    changed_at: datetime
    total: int = 0
    raw: str = "{}"


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row of a partner's list that nobody can follow, and the code of the reason. `raw`: JSON that can be kept."""

    number: str
    code: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a partner's list; `problem` says why it could not be read. `cursor` is where the next page begins."""

    rights: Sequence[TheirRight] = ()
    odd: Sequence[OddRow] = ()
    cursor: str | None = None
    more: bool = False
    problem: str | None = None
