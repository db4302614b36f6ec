"""Words of the ledger: accounts, entries, postings.

A debit is positive and a credit negative; the postings of an entry add up to zero per currency. Accounts:

- `deposit:<channel id>`  what a channel has prepaid (a liability: its postings sum to minus its balance)
- `cash`                  money received for deposits
- `unearned`              paid for, not yet delivered or used
- `earned`                delivered or used
- `cost`                  what delivered benefits cost us
- `payable:<party id>`    what we owe a supplier or a partner
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.kernel.money import Money

CASH, UNEARNED, EARNED, COST = "cash", "unearned", "earned", "cost"


def deposit_of(channel_id: UUID) -> str:
    """The account code of a channel's deposit."""
    return f"deposit:{channel_id}"


def payable_to(party_id: UUID | str) -> str:
    """The account code of what we owe a supplier or partner."""
    return f"payable:{party_id}"


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
    """A delivered benefit costs us something, owed to `party`."""

    order_id: UUID
    item_id: UUID
    party: UUID
    cost: Money
    key: str


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
    """A posting as it stands in the books."""

    entry_id: UUID
    kind: str
    at: datetime
    account: str
    amount_minor: int
    currency: str
    item_id: UUID | None
    order_id: UUID | None
    memo: str
