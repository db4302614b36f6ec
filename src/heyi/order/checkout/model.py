"""Words of checkout: what was asked, what was decided, orders and items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from heyi.kernel.machine import Machine
from heyi.kernel.money import Money
from heyi.kernel.parts import Part

SCHEDULED, WAITING_FOR_BUYER, WAITING_FOR_STOCK = "scheduled", "waiting_for_buyer", "waiting_for_stock"
DELIVERING, DELIVERED, FAILED, REFUNDED, CANCELLED = "delivering", "delivered", "failed", "refunded", "cancelled"

_OPEN = (SCHEDULED, WAITING_FOR_BUYER, WAITING_FOR_STOCK, DELIVERING)
_MOVES: dict[tuple[str, str], str] = {}
for _state in _OPEN:
    _MOVES[_state, "deliver"] = DELIVERED
    _MOVES[_state, "fail"] = FAILED
    _MOVES[_state, "cancel"] = CANCELLED
    _MOVES[_state, "start"] = DELIVERING
    _MOVES[_state, "want_stock"] = WAITING_FOR_STOCK
    _MOVES[_state, "want_buyer"] = WAITING_FOR_BUYER
    _MOVES[_state, "schedule"] = SCHEDULED
_MOVES[FAILED, "deliver"] = DELIVERED  # a person proved it, or a supplier's late success
_MOVES[FAILED, "start"] = DELIVERING  # a person said: try again
_MOVES[DELIVERED, "refund"] = REFUNDED
_MOVES[FAILED, "refund"] = REFUNDED
_MOVES[CANCELLED, "refund"] = REFUNDED

ITEM = Machine[str](SCHEDULED, _MOVES)
ENDED = (DELIVERED, FAILED, REFUNDED, CANCELLED)


@dataclass(frozen=True, slots=True)
class Asked:
    """One order as a channel asks for it. `number` is the channel's own, `fingerprint` 16 bytes of the question."""

    channel_id: UUID
    number: str
    buyer: str
    bundle: str
    quantity: int
    fingerprint: bytes
    version: int | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ship_to: Mapping[str, str] | None = None
    expected: Money | None = None
    personal: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] | None = None
    at_most: Money | None = None  # the price is refused above it; not part of what was asked

    @property
    def key(self) -> tuple[UUID, str]:
        return self.channel_id, self.number


class Key(Protocol):
    """A card key that is locked for us; the vault knows the rest."""

    @property
    def id(self) -> UUID: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def cost(self) -> Money: ...


class Basket(Protocol):
    """What the catalog makes of a wish: the version, its price, and one part per item."""

    @property
    def bundle_id(self) -> UUID: ...

    @property
    def bundle(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def amount(self) -> Money: ...

    @property
    def parts(self) -> tuple[Part, ...]: ...


class Purse(Protocol):
    """A channel's deposit, as far as deciding needs it."""

    @property
    def balance(self) -> Money: ...

    @property
    def spendable_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One part of an accepted order and what becomes of it at once. `key` is the card key it was given, if any."""

    part: Part
    state: str
    due_at: datetime | None
    key: Key | None = None

    @property
    def earned(self) -> bool:
        """Delivered in the same breath, and delivery is what earns it."""
        return self.state == DELIVERED and self.part.earn_on == "delivery"

    @property
    def cost_now_minor(self) -> int:
        """What delivering it at once costs us. A key knows its own cost; a voucher costs when it is used."""
        if not self.earned:
            return 0
        return (self.key or self.part.offer).cost.amount_minor


@dataclass(frozen=True, slots=True)
class Accepted:
    asked: Asked
    basket: Basket
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item of an order that is being placed, with the ids made for it, its right and its task."""

    id: UUID
    entitlement_id: UUID
    line: Line
    task_id: UUID | None  # None when it was given at once


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order with its ids, ready to be written by every context that has a share in it."""

    lane: int
    id: UUID
    accepted: Accepted
    items: tuple[PlacedItem, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class ItemMove:
    """One item moves: see ITEM for the moves. `problem` is a reason that a person can read."""

    lane: int
    order_id: UUID
    item_id: UUID
    move: str
    problem: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    id: UUID
    order_id: UUID
    place: int
    component: str
    role: str
    benefit: str
    kind: str
    share: Money
    state: str
    due_at: datetime | None
    entitlement_id: UUID | None
    problem: str | None
    terms: dict[str, object]


@dataclass(frozen=True, slots=True)
class Order:
    lane: int
    id: UUID
    channel_id: UUID
    number: str
    buyer: str
    bundle: str
    bundle_version: int
    quantity: int
    amount: Money
    payment: str
    fulfilment: str
    refund: str
    review: str
    metadata: dict[str, object] | None
    created_at: datetime
    paid_at: datetime | None
    items: tuple[Item, ...]
