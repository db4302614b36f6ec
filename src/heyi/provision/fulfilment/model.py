"""Words of fulfilment: tasks, attempts, calls, and what becomes of them.

A task is unique by (item, purpose, sequence) and is the queue itself: its state, `due_at` and lease say what is to be
done next. An attempt is one outer number at one supplier; every HTTP exchange is a call under it. Due times are the
alliance's time; leases and graces are real time, because the other side's clock did not move with ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heyi.kernel.ids import to_text
from heyi.kernel.machine import Machine
from heyi.kernel.parts import Part

SCHEDULED, WAITING_FOR_EVENT, WAITING_FOR_BUYER = "scheduled", "waiting_for_event", "waiting_for_buyer"
WAITING_FOR_STOCK, WAITING_FOR_PERSON = "waiting_for_stock", "waiting_for_person"
SENDING, ASKING = "sending", "asking"
DELIVERED, FAILED, CANCELLED = "delivered", "failed", "cancelled"
ENDED = (DELIVERED, FAILED, CANCELLED)
WAITING = (SCHEDULED, WAITING_FOR_EVENT, WAITING_FOR_BUYER, WAITING_FOR_STOCK, WAITING_FOR_PERSON)

# `ask`: we do not know (or the supplier works on it); only a query with our own number settles it. From `scheduled`:
# the number that was to go out again has turned out to be accepted.
# `wait`: its flow goes on, from where it stands, when its time comes; a delivery that failed falls back this way.
# `retry`: a definite no that may change; a new attempt. `resend`: proved never to have arrived; the same number again.
TASK = Machine[str](
    SCHEDULED,
    {
        (SCHEDULED, "send"): SENDING,
        (SCHEDULED, "ask"): ASKING,
        (SCHEDULED, "deliver"): DELIVERED,
        (SCHEDULED, "want_stock"): WAITING_FOR_STOCK,
        (SCHEDULED, "want_buyer"): WAITING_FOR_BUYER,
        (SCHEDULED, "want_person"): WAITING_FOR_PERSON,
        (SCHEDULED, "fail"): FAILED,
        (SENDING, "ask"): ASKING,
        (SENDING, "deliver"): DELIVERED,
        (SENDING, "retry"): SCHEDULED,
        (SENDING, "want_buyer"): WAITING_FOR_BUYER,
        (SENDING, "want_person"): WAITING_FOR_PERSON,
        (ASKING, "ask"): ASKING,
        (ASKING, "deliver"): DELIVERED,
        (ASKING, "retry"): SCHEDULED,
        (ASKING, "resend"): SCHEDULED,
        (ASKING, "want_buyer"): WAITING_FOR_BUYER,
        (ASKING, "want_person"): WAITING_FOR_PERSON,
        (ASKING, "fail"): FAILED,
        (WAITING_FOR_EVENT, "release"): SCHEDULED,
        (WAITING_FOR_EVENT, "cancel"): CANCELLED,
        (WAITING_FOR_EVENT, "deliver"): DELIVERED,
        (WAITING_FOR_EVENT, "fail"): FAILED,
        (WAITING_FOR_EVENT, "want_buyer"): WAITING_FOR_BUYER,
        (WAITING_FOR_BUYER, "want_buyer"): WAITING_FOR_BUYER,
        (WAITING_FOR_BUYER, "cancel"): CANCELLED,
        (WAITING_FOR_BUYER, "release"): SCHEDULED,
        (WAITING_FOR_BUYER, "deliver"): DELIVERED,
        (WAITING_FOR_BUYER, "fail"): FAILED,
        (WAITING_FOR_STOCK, "deliver"): DELIVERED,
        (WAITING_FOR_STOCK, "fail"): FAILED,
        (WAITING_FOR_PERSON, "deliver"): DELIVERED,
        (WAITING_FOR_PERSON, "fail"): FAILED,
        (WAITING_FOR_PERSON, "retry"): SCHEDULED,
        (WAITING_FOR_PERSON, "ask"): ASKING,
        (WAITING_FOR_PERSON, "want_buyer"): WAITING_FOR_BUYER,
    },
)

TASK.moves.update({(state, "wait"): WAITING_FOR_EVENT for state in (*WAITING, SENDING, ASKING)})

ATTEMPT = Machine[str](
    "sending",
    {
        ("sending", "accept"): "accepted",
        ("sending", "lose"): "unknown",
        ("sending", "deliver"): "delivered",
        ("sending", "decline"): "declined",
        ("sending", "fail"): "failed",
        ("unknown", "accept"): "accepted",
        ("unknown", "lose"): "unknown",
        ("unknown", "deliver"): "delivered",
        ("unknown", "decline"): "declined",
        ("unknown", "fail"): "failed",
        ("unknown", "resend"): "sending",
        ("accepted", "accept"): "accepted",
        ("accepted", "lose"): "accepted",
        ("accepted", "deliver"): "delivered",
        ("accepted", "fail"): "failed",
        ("accepted", "decline"): "failed",
        # Late success: the supplier said no and delivered all the same.
        ("declined", "deliver"): "delivered",
        ("failed", "deliver"): "delivered",
    },
)


class Request(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is needed to deliver, copied from the part that was sold; stored with the task as JSON.

    `accounts` keep the order of the part's fields. `wanted` are the account names it cannot do without. `later`: the
    item did not start as delivering. `falls_back`: its flow says what follows when this delivery fails. `named`: the
    option that the buyer named beforehand for a choice, taken when its flow comes to choosing. Amounts are in
    minor units of `currency`: what the offer costs, what it may cost at most wherever it is bought (None: just that).
    What our own hands give is owed to the partner.
    """

    title: str
    product_no: str = ""
    accounts: tuple[tuple[str, str], ...] = ()
    wanted: tuple[str, ...] = ()
    cost_minor: int = 0
    limit_minor: int | None = None
    share_minor: int = 0
    currency: str = "CNY"
    earn_on: str = "delivery"
    units: int = 1
    ship_to: dict[str, Any] | None = None
    later: bool = False
    falls_back: bool = False
    named: str | None = None
    partner_id: UUID | None = None

    @property
    def guard_minor(self) -> int:
        """What the supplier may charge at most; a supplier with a safe-price field is told."""
        return self.cost_minor if self.limit_minor is None else self.limit_minor

    @property
    def missing(self) -> tuple[str, ...]:
        """Account names that are wanted and not given yet."""
        given = {name for name, _ in self.accounts}
        return tuple([name for name in self.wanted if name not in given])


@dataclass(frozen=True, slots=True)
class Plan:
    """One item that is not given at once: its task is to be. `item_state` is the item's first state."""

    lane: int
    id: UUID
    item_id: UUID
    order_id: UUID
    entitlement_id: UUID | None
    part: Part
    item_state: str
    ship_to: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The buyer asked, or gave accounts (validated already), for an item that waited for him."""

    lane: int
    item_id: UUID
    accounts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Woken:
    """A locked task that something brings on: see kernel/flow for the causes. `at` is the moment when it happened;
    where something became of other items, the earliest from which it may go on.
    """

    row: Any
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an open slot's task is to become: the chosen part, and the flow of its delivery as JSON."""

    woken: Woken
    part: Part
    graph: str


@dataclass(frozen=True, slots=True)
class Told:
    """Whom and what the steps of an item's flow are about; `titles` name the order's components, by code."""

    lane: int
    order_id: UUID
    item_id: UUID
    entitlement_id: UUID | None
    channel_id: UUID
    buyer: str
    component: str
    benefit: str
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a flow may look at: the order's facts by field name."""

    facts: Mapping[str, object]
    told: Mapping[UUID, Told]  # by item


def outer_number(item_id: UUID, number: int) -> str:
    """Our own number at a supplier: the item's id without its prefix, and the attempt. 28 to 30 characters."""
    return f"{to_text('', item_id)[1:]}-{number}"
