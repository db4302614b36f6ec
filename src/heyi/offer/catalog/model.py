"""What may be bought: benefits, offers, bundles and their immutable versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.kernel.machine import Machine
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY, LINK, PHYSICAL, SERVICE, TOP_UP, VOUCHER, AccountField, Part, Validity

ROLES = ("core", "frequent", "surprise")
STOCK, SUPPLIER, OWN = "stock", "supplier", "own"

# Where a benefit of each kind may come from.
SOURCES = {
    CARD_KEY: (STOCK, SUPPLIER),
    TOP_UP: (SUPPLIER,),
    LINK: (OWN, SUPPLIER),
    PHYSICAL: (OWN, SUPPLIER),
    VOUCHER: (OWN, SUPPLIER),
    SERVICE: (OWN, SUPPLIER),
}
# Kinds that may ask for the buyer's account; a top-up must.
ASKING = (TOP_UP, PHYSICAL, SERVICE)

ORDER_QUANTITY_MAX = 100
COMPONENTS_MAX = 60  # components and options of one version
QUANTITY_MAX = 100  # units of one component
PARTS_MAX = 500  # items of one order
FIELDS_MAX = 8  # account fields of one benefit
ROUTING = ("priority", "price", "success", "speed")
PATTERN_CHARS_MAX = 120
ACCOUNT_CHARS_MAX = 200
WEIGHT_MAX = 1_000_000_000
UNITS_MAX = 10_000
DAYS_MAX = 3650
MONTHS_MAX = 60
NODES_MAX = 40

# A bundle that is withdrawn stays so when a new version is published, until somebody puts it back on sale.
BUNDLE: Machine[str] = Machine(
    "draft",
    {
        ("draft", "publish"): "on_sale",
        ("on_sale", "publish"): "on_sale",
        ("withdrawn", "publish"): "withdrawn",
        ("on_sale", "withdraw"): "withdrawn",
        ("withdrawn", "put_on_sale"): "on_sale",
    },
)
VERSION: Machine[str] = Machine(
    "draft",
    {
        ("draft", "publish"): "published",
        ("published", "withdraw"): "withdrawn",
        ("withdrawn", "put_on_sale"): "published",
    },
)
BENEFIT: Machine[str] = Machine("active", {("active", "withdraw"): "withdrawn"})
OFFER: Machine[str] = Machine(
    "active",
    {
        ("active", "hold"): "held",
        ("held", "resume"): "active",
        ("active", "withdraw"): "withdrawn",
        ("held", "withdraw"): "withdrawn",
    },
)


@dataclass(frozen=True, slots=True)
class Properties:
    """What a benefit is like, beside its kind. `units` counts a voucher's uses; `link` is a link's template."""

    validity: Validity = field(default_factory=Validity)
    fields: tuple[AccountField, ...] = ()
    how_to_use: str = ""
    units: int = 1
    link: str | None = None
    routing: str = "priority"  # how one of several supplier offers is chosen


@dataclass(frozen=True, slots=True)
class Benefit:
    """One sellable right of one partner."""

    id: UUID
    code: str
    partner_id: UUID
    kind: str
    title: str
    market_price: Money
    properties: Properties
    state: str = "active"
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BenefitOffer:
    """A supplier offer as the operator keeps it; the kernel's Offer is the copy an item carries. `named_at`: since when
    it names its product."""

    id: UUID
    benefit_id: UUID
    source: str
    supplier_id: UUID | None
    product_no: str
    cost: Money
    priority: int = 100  # the lowest active one comes first
    weight: int = 1  # between equals: two are chosen twice as often as one
    state: str = "active"
    created_at: datetime | None = None
    held_why: str | None = None
    named_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A benefit inside a version. `weight` or `share_minor` is the whole component's share of the price, all its
    units together; an option of a choice group has neither, its slot has. `accounts` says which of the order's
    account names fills which field of the benefit; a field it does not name is filled by its own name.
    """

    code: str
    benefit: str
    role: str = "core"
    quantity: int = 1
    weight: int | None = None
    share_minor: int | None = None
    delivery: dict[str, Any] = field(default_factory=dict)  # a graph, see delivery.py
    accounts: dict[str, str] = field(default_factory=dict)
    # What one unit may cost us at a supplier, in minor units of the price's currency; None: the dearest offer that was
    # active when it was sold, since the operator has agreed to that.
    cost_limit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A choice: `pick` slots, each of the same weight, filled with different ones of the options. With a `delivery`
    graph, which ends in a choice, it may be left open when the bundle is bought.
    """

    code: str
    title: str
    pick: int
    options: tuple[Component, ...]
    role: str = "core"
    weight: int | None = None  # of each slot
    share_minor: int | None = None  # of each slot
    delivery: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """What a version says. `benefits` is filled on publishing: the version sells them as they were then."""

    price_minor: int
    currency: str
    components: tuple[Component, ...] = ()
    groups: tuple[Group, ...] = ()
    sold_out: str = "wait"  # wait | refuse, when no card key is left
    benefits: dict[str, Benefit] = field(default_factory=dict)

    @property
    def titles(self) -> dict[str, str]:
        """How its components and options are called, by code: by their codes until it is published."""
        placed = [*self.components, *(option for group in self.groups for option in group.options)]
        known = self.benefits
        return {one.code: known[one.benefit].title if one.benefit in known else one.code for one in placed}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is sold, and where its sale stands."""

    id: UUID
    code: str
    title: str
    state: str = "draft"
    current_version: int | None = None
    sale_from: datetime | None = None
    sale_to: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a bundle; once published its document never changes."""

    bundle_id: UUID
    version: int
    state: str
    document: Document
    created_at: datetime
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to buy. `bundle` is its code or id (`bnd_…`); `version` pins one; `expected` guards the
    price (exactly), `at_most` from above; `choices` name option components per choice group.
    """

    bundle: str
    version: int | None
    channel_id: UUID
    quantity: int
    accounts: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]
    expected: Money | None
    at_most: Money | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A wish turned into items to be: one part per item; their shares add up to `amount`."""

    bundle_id: UUID
    bundle: str
    version: int
    amount: Money
    parts: tuple[Part, ...]
