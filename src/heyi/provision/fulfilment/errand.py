"""Words of the worker's round: what is claimed, how it stands when its talk has ended, and what then changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.kernel.talk import Answer, Delivered
from heyi.provision.fulfilment.model import Request

if TYPE_CHECKING:
    from heyi.provision.fulfilment.suppliers.speech import Dialect


@dataclass(frozen=True, slots=True)
class Account:
    """One supplier account as the worker needs it; credentials are in the clear and never leave memory. `connector`
    speaks for it."""

    id: UUID
    code: str
    dialect: str
    base_url: str
    credentials: dict[str, str] = field(repr=False)
    callback_url: str
    timeout_ms: int
    typical_ms: int
    grace_ms: int
    connector: Dialect = field(repr=False)
    prepaid: bool = True  # bought from what we have put in there; otherwise owed for
    profile_id: UUID | None = None  # the stored version that its connector was made from


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed task (or an ended attempt that is to be asked about once more), ready to be talked over.

    `verb` is submit, query or recheck. `lease` proves that the task is still ours when the answer is recorded;
    `lease_until` is real time. `queries` counts this one. `may_repeat`: where a number counts once, asking may be
    sending it again; never while its account may not buy, and `sent_until` is the sending before this. `barred`: why
    its offer must not be bought from now. `ahead`: there was no free slot for it; it begins when a talk of the same
    worker ends there.
    """

    verb: str
    account: Account
    lane: int
    task_id: UUID
    item_id: UUID
    order_id: UUID
    entitlement_id: UUID | None
    benefit_id: UUID
    kind: str
    request: Request
    attempt_id: UUID
    number: int
    outer_number: str
    lease: UUID
    lease_until: datetime
    sent_until: datetime
    accepted: bool = False
    queries: int = 0
    submits: int = 1
    rechecks: int = 0
    supplier_number: str = ""
    offer_id: UUID | None = None
    may_repeat: bool = False
    barred: str = ""
    ahead: bool = False

    @property
    def buys(self) -> bool:
        """Whether its talk may be a purchase."""
        return self.verb == "submit" or self.may_repeat

    @property
    def begins(self) -> bool:
        """The first step of an item that was scheduled (or waited) until now."""
        return self.request.later and self.verb == "submit" and self.number == 1 and self.submits == 1


@dataclass(frozen=True, slots=True)
class Standing:
    """A task as it is when a result is to be recorded. `cost_minor`: what the supplier said that this attempt costs, or
    what its offer cost when it was opened."""

    state: str
    lease: UUID | None
    attempts: int
    heard: bool
    attempt_state: str
    offer_id: UUID | None = None
    product_no: str = ""
    started_at: datetime | None = None
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a result does. None: stays as it is. Times are milliseconds from now.

    `move` and `attempt` are moves of TASK and ATTEMPT; `item` is a move of the item (deliver, want_buyer, start);
    `route` is the offer that the task goes over to.
    """

    move: str | None = None
    attempt: str | None = None
    wait_ms: int | None = None
    problem: str | None = None
    item: str | None = None
    recheck_ms: int | None = None
    difference: bool = False
    route: Offer | None = None


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task's new state; `before` is the state that the decision was made on. `route`: the offer it goes over to."""

    lane: int
    id: UUID
    before: str
    after: str
    due_at: datetime | None = None
    problem: str | None = None
    resubmit: bool = False
    route: Offer | None = None


@dataclass(frozen=True, slots=True)
class AttemptChange:
    """What became of an attempt. None: not said this time. `rechecked`: this was the later look that was planned."""

    lane: int
    id: UUID
    state: str
    supplier_number: str | None = None
    cost_minor: int | None = None
    why: str | None = None
    recheck_at: datetime | None = None
    difference: bool = False
    rechecked: bool = False
    sent_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What fulfilment asks the other contexts to do for one item. `move` is a move of the item (checkout's word).

    `share` is what delivery earns (None when use earns it), `cost` what `party` gets for it (`prepaid`: has got).
    `asks`: from now on the right asks for the buyer's word (with the accounts that he gave already), or no longer does.
    """

    lane: int
    order_id: UUID
    item_id: UUID
    entitlement_id: UUID | None
    move: str
    problem: str | None = None
    share: Money | None = None
    cost: Money | None = None
    party: UUID | None = None
    key_expires_at: datetime | None = None
    prepaid: bool = False
    due_at: datetime | None = None
    asks: bool | None = None

    @property
    def concerns_right(self) -> bool:
        """A new day for the delivery is the order's matter alone, unless the buyer is asked no longer."""
        return self.entitlement_id is not None and (self.move != "schedule" or self.asks is not None)


@dataclass(frozen=True, slots=True)
class Loss:
    """An attempt delivered after its item had ended otherwise, or what is of no use: it costs us all the same."""

    order_id: UUID
    item_id: UUID
    attempt_id: UUID
    party: UUID
    cost: Money
    prepaid: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP exchange as it is kept: masked already. `headers` and `answered` (theirs) are JSON; `signed` is the
    string that was signed. `verdict`: what the answer was taken to mean, where it ended a talk; `supplier_number`:
    where they told it first."""

    method: str
    url: str
    request: str
    status: int | None
    response: str | None
    error: str
    duration_ms: int
    at: datetime
    headers: str = "{}"
    signed: str = ""
    answered: str = "{}"
    verdict: str | None = None
    supplier_number: str | None = None

    @property
    def troubled(self) -> bool:
        """No good answer, or one that says nothing."""
        return self.status is None or not 200 <= self.status < 300 or self.verdict == "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """How an errand's talk ended, with the exchanges that led there. `spoiled`: what they delivered is of no use."""

    errand: Errand
    answer: Answer
    exchanges: tuple[Exchange, ...] = ()
    spoiled: Delivered | None = None
