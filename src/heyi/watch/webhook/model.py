"""Words of the webhook context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.kernel.machine import Machine

# A delivery: claimed, sent, recorded; asked for again whenever its owner wants.
DELIVERY = Machine(
    "waiting",
    {
        ("waiting", "claim"): "sending",
        ("waiting", "drop"): "failed",  # its endpoint was disabled or deleted
        ("waiting", "again"): "waiting",
        ("sending", "lapse"): "waiting",  # the sender died: the lease ran out
        ("sending", "retry"): "waiting",
        ("sending", "deliver"): "delivered",
        ("sending", "give_up"): "failed",
        ("delivered", "again"): "waiting",
        ("failed", "again"): "waiting",
    },
)

ENDPOINT = Machine(
    "active",
    {
        ("active", "disable"): "disabled",
        ("disabled", "enable"): "active",
        ("active", "delete"): "deleted",
        ("disabled", "delete"): "deleted",
    },
)


# An endpoint's voice: ours, made by its owner; or the name of a standard by which a channel buys from us. Those have no
# address of their own (each delivery has its order's), no secret, and no body until it is sent.
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a holder wants to be told. `failing_since`: nothing has arrived since then, in `failures` tries."""

    id: UUID
    holder_kind: str
    holder_id: UUID
    url: str
    events: tuple[str, ...]  # names, or "*"
    description: str
    state: str
    disabled_why: str | None
    failing_since: datetime | None
    failures: int
    old_secret_until: datetime | None
    created_at: datetime
    voice: str = WEBHOOK


@dataclass(frozen=True, slots=True)
class Announcement:
    """A fact as one holder is told it. `body` makes the bytes, and is called only when somebody listens."""

    holder_id: UUID
    fact_id: UUID
    order_id: UUID | None
    event: str
    body: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CallBack:
    """A fact to be told in another voice, at the address that came with the order."""

    holder_id: UUID
    voice: str
    fact_id: UUID
    order_id: UUID
    event: str
    url: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A claimed delivery. `attempts` counts this one; `secrets` are sealed, the newest first.

    `body` is empty in another voice than ours: whoever sends it makes it.
    """

    id: UUID
    lease: UUID
    endpoint_id: UUID
    url: str
    secrets: tuple[bytes, ...]
    failing: bool
    fact_id: UUID
    body: bytes
    attempts: int
    voice: str
    holder_id: UUID
    order_id: UUID | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended: a status, or an error when nothing came back (or not the word that was waited for)."""

    sending: Sending
    status: int | None
    error: str
    duration_ms: int
    at: datetime

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a try means for its delivery."""

    state: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """What some tries mean for their endpoint."""

    failing_since: datetime | None
    failures: int
    disabled_why: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """One line of the delivery log."""

    at: datetime
    status: int | None
    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as its owner sees it."""

    id: UUID
    fact_id: UUID
    event: str
    state: str
    attempts: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    tries: Sequence[Try]


@dataclass(frozen=True, slots=True)
class Told:
    """One try that told somebody about an order."""

    at: datetime
    holder_kind: str
    url: str
    event: str
    status: int | None
    error: str
    duration_ms: int
