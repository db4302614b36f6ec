"""Words of the vault: keys, batches, imports, and their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from heyi.kernel.machine import Machine
from heyi.kernel.money import Money


class KeyState(str, Enum):
    """Where a card key is in its life."""

    AVAILABLE = "available"
    ISSUED = "issued"  # belongs to an item; nobody has read it yet
    REVEALED = "revealed"
    QUARANTINED = "quarantined"  # not to be sold until someone has looked at it
    VOID = "void"


KEYS: Machine[KeyState] = Machine(
    KeyState.AVAILABLE,
    {
        (KeyState.AVAILABLE, "issue"): KeyState.ISSUED,
        (KeyState.ISSUED, "reveal"): KeyState.REVEALED,
        (KeyState.AVAILABLE, "quarantine"): KeyState.QUARANTINED,
        (KeyState.QUARANTINED, "release"): KeyState.AVAILABLE,
        (KeyState.AVAILABLE, "void"): KeyState.VOID,
        (KeyState.QUARANTINED, "void"): KeyState.VOID,
    },
)


class BatchState(str, Enum):
    """What may be done with a batch's unsold keys."""

    OPEN = "open"
    QUARANTINED = "quarantined"
    VOID = "void"


BATCHES: Machine[BatchState] = Machine(
    BatchState.OPEN,
    {
        (BatchState.OPEN, "quarantine"): BatchState.QUARANTINED,
        (BatchState.QUARANTINED, "release"): BatchState.OPEN,
        (BatchState.OPEN, "void"): BatchState.VOID,
        (BatchState.QUARANTINED, "void"): BatchState.VOID,
    },
)


@dataclass(frozen=True, slots=True)
class ClaimedKey:
    """A key locked for this transaction, not issued yet. `tail` is masked; `expires_at` None: never."""

    id: UUID
    batch_id: UUID
    benefit_id: UUID
    tail: str
    expires_at: datetime | None
    cost: Money


@dataclass(frozen=True, slots=True)
class BoughtCard:
    """A card that a supplier handed over for one item."""

    benefit_id: UUID
    item_id: UUID
    code: str = field(repr=False)
    secret: str | None = field(repr=False)
    cost: Money
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RepeatedCard:
    """A bought card that is in the vault already, for another item or none: it was not stored a second time."""

    item_id: UUID
    key_id: UUID
    holder_item_id: UUID | None


@dataclass(frozen=True, slots=True)
class Revealed:
    """An item's card in the clear. `first` says that nobody had read it before; `others` are further cards of the
    same item (a supplier may hand over several)."""

    key_id: UUID
    code: str = field(repr=False)
    secret: str | None = field(repr=False)
    tail: str
    expires_at: datetime | None
    first: bool
    others: tuple[Revealed, ...] = field(default=(), repr=False)
