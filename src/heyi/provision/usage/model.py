"""What partners tell of rights that they honour, and where they and we differ.

A partner's word is folded into a *belief*, in which every value only ever grows: in whatever order reports arrive, and
however often, the belief is the same in the end. What our right should become follows from belief and right alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, Protocol, TypeVar
from uuid import UUID

from heyi.kernel.ids import lane_of

Kind = Literal["pending", "activated", "used", "expired", "cancelled"]
Ended = Literal["expired", "cancelled"]
Origin = Literal["pushed", "polled", "asked"]  # they reported, we read their list, we asked about this one
Verdict = Literal["taken", "repeated", "late", "refused"]
Follow = Literal["follow", "list", "careful"]  # careful: follow, unless money is involved
Fresh = Literal["yes", "stale", "never_heard", "not_expected"]

# Reports move a partner's state up only; of the same rank the later moment counts.
RANK: dict[str, int] = {"pending": 0, "activated": 1, "used": 2, "expired": 3, "cancelled": 3}
REFERENCES = ("entitlement", "outer_number", "supplier_number")  # how a right may be named

EVENTS_MAX = 500
UNITS_MAX = 10_000
CLOCKS_APART = timedelta(minutes=10)  # how far a partner's clock may be ahead of ours
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # of what partners can mean
END_APART = timedelta(days=1)  # how far two ends of one term may lie apart: some count hours, some whole days


@dataclass(frozen=True, slots=True)
class Reference:
    """How a partner names a right: `kind` is entitlement, outer_number or supplier_number."""

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text if self.kind == "entitlement" else f"{self.kind}:{self.text}"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing told of one right. `units` were used by this event, `total` is a count of all that were used so far.

    `at` is the partner's time; `seen_at` the moment for which it holds (of an event: the same). `kind` None: they
    were asked and do not know the right.
    """

    kind: Kind | None
    at: datetime
    seen_at: datetime
    units: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """A report as it came. `raw` is its JSON, kept as it is; `id` is the report's row."""

    id: UUID
    event_id: str
    reference: Reference
    told: Told
    raw: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A report that could not be read at all, or means nothing: kept, and refused with a code."""

    id: UUID
    event_id: str
    code: str
    raw: str
    reference: str = ""
    kind: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one event; `code` says why it was refused, `drift` that it was listed and not followed."""

    event_id: str
    verdict: Verdict
    code: str | None = None
    entitlement_id: UUID | None = None
    drifts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Belief:
    """What a partner has told of one right so far. `began`, `followed`: our right began, or ended, by their word;
    `settled`: because a person said so. `begun_at`: since when it lives, `used_at`: when it was used last, both by
    their time.
    """

    entitlement_id: UUID
    partner_id: UUID
    state: Kind | None = None
    state_at: datetime | None = None
    units: int = 0
    total: int = 0
    seen_at: datetime | None = None
    alive_at: datetime | None = None
    begun_at: datetime | None = None
    used_at: datetime | None = None
    expired_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended_seen_at: datetime | None = None
    missing_at: datetime | None = None
    began: bool = False
    followed: Ended | None = None
    settled: bool = False
    heard_at: datetime | None = None

    @property
    def lane(self) -> int:
        return lane_of(self.entitlement_id)

    @property
    def used(self) -> int:
        """Units used on their side: each report counted, or their own count if that is more."""
        return max(self.units, self.total)

    @property
    def missing(self) -> bool:
        """They do not know it (any more)."""
        return self.missing_at is not None and (self.seen_at is None or self.missing_at > self.seen_at)

    @property
    def ended(self) -> bool:
        """They have said that it is over."""
        return self.expired_at is not None or self.cancelled_at is not None

    @property
    def last(self) -> str | None:
        """Their last word, for whoever looks at the right: a state, or that they do not know it."""
        return "unknown" if self.missing else self.state

    @property
    def revived(self) -> bool:
        """They have said that it is over, and of a later moment that it lives."""
        return self.alive_at is not None and self.ended_seen_at is not None and self.alive_at > self.ended_seen_at

    @property
    def mark(self) -> str:
        """What they say, in one line: the same line is the same disagreement."""
        if self.missing:
            return "unknown" if self.seen_at is None else f"unknown, last named {_moment(self.seen_at)}"
        since = "" if self.state_at is None else f" since {_moment(self.state_at)}"
        used = f", {self.used} used" if self.used else ""
        return f"{self.state or 'silent'}{used}{since}"


@dataclass(frozen=True, slots=True)
class Policy:
    """How each kind of report is followed: always (follow), by a person (list), or unless money is in it (careful).
    `forced`: a person decides right now.
    """

    activated: Follow = "careful"
    used: Follow = "careful"
    expired: Follow = "careful"
    cancelled: Follow = "careful"
    forced: bool = False


CAREFUL = Policy()
FORCED = Policy("follow", "follow", "follow", "follow", forced=True)


class Ours(Protocol):
    """Our right, as far as a comparison needs it."""

    @property
    def id(self) -> UUID: ...
    @property
    def order_id(self) -> UUID: ...
    @property
    def item_id(self) -> UUID: ...
    @property
    def channel_id(self) -> UUID: ...
    @property
    def partner_id(self) -> UUID: ...
    @property
    def benefit(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def ended_why(self) -> str | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def valid_to(self) -> datetime | None: ...
    @property
    def units_total(self) -> int: ...
    @property
    def units_used(self) -> int: ...
    @property
    def units_reserved(self) -> int: ...
    @property
    def holds(self) -> tuple[str, ...]: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Ruling:
    """What our right is to become, and what is left to a person: the classes of drift that stay open. `begins_at`:
    since when it lives, if it is activated now or was activated by their word before.
    """

    activate: bool = False
    begins_at: datetime | None = None
    units: int = 0
    end: Ended | None = None
    drifts: tuple[str, ...] = ()

    @property
    def follows(self) -> tuple[str, ...]:
        """The classes of drift that following repairs."""
        repaired = (
            (self.activate, "they_active_we_pending"), (self.units > 0, "they_used_more"),
            (self.end is not None, "we_active_they_ended"),
        )  # fmt: skip
        return tuple([name for does, name in repaired if does])


R = TypeVar("R", bound=Ours)


@dataclass(frozen=True, slots=True)
class Compared(Generic[R]):
    """One right after its partner was heard: what they believe now, our right before and after, and the ruling.

    `late` says of each thing told whether it was older than what was known, and nothing new.
    """

    belief: Belief
    ours: R
    after: R
    ruling: Ruling
    late: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """References sorted: rights of this partner, rights of others, and what we do not know at all."""

    mine: Mapping[Reference, UUID]
    others: Set[Reference]
    unknown: Set[Reference]


@dataclass(frozen=True, slots=True)
class Drift:
    """A disagreement, as it is listed. `reference` is the partner's number of a right that we do not know."""

    id: UUID
    partner_id: UUID
    entitlement_id: UUID | None
    reference: str
    benefit: str
    kind: str
    ours: str
    theirs: str
    origin: str
    found_at: datetime
    seen_at: datetime
    state: str
    how: str | None
    by: str | None
    note: str
    settled_at: datetime | None


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
