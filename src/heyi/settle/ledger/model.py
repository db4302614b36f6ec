"""Words of the ledger: accounts, entries, postings.

A debit is positive and a credit negative; the postings of an entry add up to zero per currency. Accounts:

- `deposit:<channel id>`  what a channel has prepaid (a liability: its postings sum to minus its balance)
- `cash`                  money received for deposits
- `unearned`              paid for, not yet delivered or used
- `earned`                delivered or used
- `cost`                  what delivered benefits cost us
- `payable:<party id>`    what we owe a partner, or a supplier whose account is postpaid
- `prepaid:<supplier id>` what we have put in at a supplier and not bought from yet (an asset: its postings sum to it)
- `difference`            what suppliers delivered after the item had ended otherwise, or to no use: sold to nobody
- `adjustment`            what a prepaid account gained or lost outside heyi, as finance found out

When something is booked at a supplier (decision 0012): a top-up when finance records it; a purchase when it is
delivered, with what the supplier really charged, never before; a late success that is listed as a difference (and a
card that others have already) when it is heard of, once. What a supplier takes when it accepts and gives back when it
fails is never booked: until an attempt ends it is *in flight*, and the supplier's own balance may be lower than the
booked one by so much.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.kernel.money import Money

CASH, UNEARNED, EARNED, COST = "cash", "unearned", "earned", "cost"
DIFFERENCE, ADJUSTMENT = "difference", "adjustment"
TOPPED_UP, ADJUSTED = "prepaid.topped_up", "prepaid.adjusted"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def deposit_of(channel_id: UUID) -> str:
    """The account code of a channel's deposit."""
    return f"deposit:{channel_id}"


def payable_to(party_id: UUID | str) -> str:
    """The account code of what we owe a supplier or partner."""
    return f"payable:{party_id}"


def prepaid_at(supplier_id: UUID) -> str:
    """The account code of what we have put in at a supplier."""
    return f"prepaid:{supplier_id}"


@dataclass(frozen=True, slots=True)
class Posting:
    account: str
    amount_minor: int
    currency: str
    item_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced entry. `key` makes it idempotent: a second entry with the same key is not written."""

    kind: str
    postings: tuple[Posting, ...]
    order_id: UUID | None = None
    key: str | None = None
    memo: str = ""

    def __post_init__(self) -> None:
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount_minor
        if any(sums.values()) or not self.postings:
            raise ValueError(f"the entry {self.kind} does not balance: {sums}")


@dataclass(frozen=True, slots=True)
class Sold:
    """One item of a paid order, as the ledger sees it: `earned` when it was delivered in the same breath."""

    item_id: UUID
    share_minor: int
    earned: bool
    cost_minor: int = 0
    party_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """A paid order: the channel's deposit pays `amount`, spread over the items."""

    channel_id: UUID
    order_id: UUID
    amount: Money
    items: tuple[Sold, ...]


@dataclass(frozen=True, slots=True)
class Earning:
    """A share (or a part of it) becomes earned. `key` names the reason once and for all ("delivered:<item>")."""

    order_id: UUID
    item_id: UUID
    share: Money
    key: str


@dataclass(frozen=True, slots=True)
class Cost:
    """A delivered benefit costs us something: owed to `party`, or taken from what we have put in there (`prepaid`).

    `difference`: it was delivered after its item had ended otherwise.
    """

    order_id: UUID
    item_id: UUID
    party: UUID
    cost: Money
    key: str
    prepaid: bool = False
    difference: bool = False


@dataclass(frozen=True, slots=True)
class Deposit:
    """A channel's deposit: what may still be spent is `balance - floor` (a floor below zero is a credit line)."""

    channel_id: UUID
    balance: Money
    floor_minor: int

    @property
    def spendable_minor(self) -> int:
        return self.balance.amount_minor - self.floor_minor


@dataclass(frozen=True, slots=True)
class PostedLine:
    """A posting as it stands in the books: the one at this place of its entry."""

    entry_id: UUID
    place: int
    kind: str
    at: datetime
    account: str
    amount_minor: int
    currency: str
    item_id: UUID | None
    order_id: UUID | None
    memo: str


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast money is spent: minor units an hour over the last hour, day and seven days, from bookings.

    Spent is what purchases and differences cost in that time, less what was reversed, divided by the time (or by the
    account's age where that is shorter, but by an hour at least).
    """

    hour_minor: int = 0
    day_minor: int = 0
    week_minor: int = 0

    @property
    def usual_minor(self) -> int:
        """The higher one of the last day and the last week: what forecasts count with."""
        return max(self.day_minor, self.week_minor)

    def hours_left(self, left_minor: int | None) -> int | None:
        """Whole hours that this much lasts at the usual rate; None: nothing is spent, or nobody knows what is left."""
        return _hours(left_minor, self.usual_minor)

    def hours_left_now(self, left_minor: int | None) -> int | None:
        """As above, at the rate of the last hour."""
        return _hours(left_minor, self.hour_minor)


def _hours(left_minor: int | None, rate_minor: int) -> int | None:
    return None if left_minor is None or rate_minor <= 0 else max(0, left_minor) // rate_minor


@dataclass(frozen=True, slots=True)
class Prepaid:
    """What is booked at a supplier: `balance` = `paid_in` - `spent`. `since` is the first booking."""

    supplier_id: UUID
    balance: Money
    paid_in_minor: int
    spent_minor: int
    since: datetime
    burn: Burn
