"""What one item was sold with. The catalog writes it, the order keeps a copy, and everything later reads that copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from heyi.kernel.flow.model import Way
from heyi.kernel.money import Money

# Kinds of benefit. Readers treat them as open; these are the ones heyi can deliver.
CARD_KEY, TOP_UP, LINK, PHYSICAL, VOUCHER, SERVICE = "card_key", "top_up", "link", "physical", "voucher", "service"
KINDS = (CARD_KEY, TOP_UP, LINK, PHYSICAL, VOUCHER, SERVICE)
# An item that the buyer has yet to choose: it has a share of the price, and no benefit, partner or offer (NOBODY).
CHOICE = "choice"
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a delivered right may be used: `days` counted from `start`, or a fixed `until`; neither: no end."""

    days: int | None = None
    start: str = "delivery"  # payment | delivery | activation
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Where a benefit comes from: our vault (`stock`), a supplier's system (`supplier`), or our own hands (`own`)."""

    id: UUID
    source: str  # stock | supplier | own
    supplier_id: UUID | None
    product_no: str
    cost: Money
    priority: int = 100  # the lowest comes first
    weight: int = 1  # between equals: two are chosen twice as often as one


@dataclass(frozen=True, slots=True)
class Sourcing:
    """The supplier offers of a benefit and how to choose among them: by priority, price, success or speed."""

    policy: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class AccountField:
    """One thing a benefit must know of the buyer's account there. `pattern` is a full-match regular expression."""

    name: str
    label: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Due:
    """When an item is to be delivered, decided at payment from the component's delivery graph.

    `state` is the item's first state if nothing else stops it: "now" (give it in this transaction or ask the
    supplier at once), "scheduled" (at `at`), "waiting_for_buyer" (until the buyer asks, or `at`), or "after" (another
    component's event, until `at`, then `otherwise`; without a component: just until `at`). `way` is there when the
    component's flow has more to say than this.
    """

    state: str  # now | scheduled | waiting_for_buyer | after
    at: datetime | None = None
    component: str | None = None
    event: str | None = None  # activated | redeemed
    otherwise: str | None = None  # deliver | cancel
    way: Way | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One item to be: a unit of a component (or a chosen slot), with all that it was sold with."""

    component: str
    role: str
    benefit_id: UUID
    benefit: str  # the benefit's code
    title: str
    kind: str
    partner_id: UUID
    share: Money
    due: Due
    offer: Offer
    units: int = 1
    validity: Validity = field(default_factory=Validity)
    fields: tuple[AccountField, ...] = ()
    accounts: dict[str, str] = field(default_factory=dict)
    link: str | None = None  # template for kind link
    how_to_use: str = ""
    earn_on: str = "delivery"  # delivery | use
    sold_out: str = "wait"  # wait | refuse, when no card key is left
    # Where else it may be bought (None: there is one place only), and what one unit may cost at most, anywhere.
    sourcing: Sourcing | None = None
    cost_limit: Money | None = None


def waits_for_activation(kind: str, validity: Validity | None) -> bool:
    """Whether a delivered right of this kind begins only with the buyer's own step.

    Keys and links begin with their first reveal. What we hold ourselves (vouchers, goods, services) waits when its
    days are counted from activation. A top-up begins when it reaches the account.
    """
    if kind in (CARD_KEY, LINK):
        return True
    own = kind in (VOUCHER, PHYSICAL, SERVICE)
    return own and validity is not None and validity.start == "activation" and bool(validity.days)


def window(
    validity: Validity | None,
    *,
    paid_at: datetime,
    delivered_at: datetime | None,
    activated_at: datetime | None,
    key_expires_at: datetime | None,
) -> tuple[datetime | None, datetime | None]:
    """From when and until when a right may be used, as far as it is known yet. The key's own end caps it."""
    terms = validity or Validity()
    start = {"payment": paid_at, "delivery": delivered_at, "activation": activated_at}[terms.start]
    ends = [end for end in (terms.until, key_expires_at) if end is not None]
    if terms.days is not None and start is not None:
        ends.append(start + timedelta(days=terms.days))
    begins = start if terms.days is not None else delivered_at
    return begins, min(ends, default=None)
