"""A published version made ready for orders: compiled once, bound to a price and offers, planned per combination."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from heyi.kernel.errors import Refused
from heyi.kernel.flow import Flow
from heyi.kernel.money import Money
from heyi.kernel.parts import CHOICE, NOBODY, VOUCHER, AccountField, Due, Offer, Part, Sourcing
from heyi.offer.catalog.delivery import Timing, timing
from heyi.offer.catalog.model import OWN, STOCK, Benefit, Component, Document, Group, Properties, Wish

_ANY_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a benefit comes from now: the first offer, all suppliers' when there are several, and the dearest cost."""

    offer: Offer
    sourcing: Sourcing | None
    limit: Money | None


@dataclass(frozen=True, slots=True)
class Template:
    """A component of a compiled version: all of a Part that does not depend on the order."""

    component: Component
    benefit: Benefit
    timing: Timing
    graph: str | None  # the delivery graph's JSON, when orders have to walk it
    sold_out: str
    # (the benefit's field name, the order's account name), in the order of the benefit's fields
    accounts: tuple[tuple[str, str], ...]

    @property
    def units_per_set(self) -> int:
        """Items that one bundle makes of this component."""
        return self.component.quantity * self.timing.times

    def given(self, accounts: Mapping[str, str]) -> dict[str, str]:
        """Those of the order's accounts that this component asks for, by its own names."""
        return {name: accounts[called] for name, called in self.accounts if called in accounts}

    def called(self, accounts: Mapping[str, str]) -> dict[str, str]:
        """The same, by the order's names."""
        return {called: accounts[called] for _, called in self.accounts if called in accounts}

    def part(self, share: Money, due: Due, place: Place, accounts: dict[str, str]) -> Part:
        component, benefit, properties = self.component, self.benefit, self.benefit.properties
        stated = component.cost_limit_minor
        limit = place.limit if stated is None else Money(stated, share.currency)
        return Part(
            component.code, component.role, benefit.id, benefit.code, benefit.title, benefit.kind, benefit.partner_id,
            share, due, place.offer, properties.units, properties.validity, properties.fields, accounts,
            properties.link, properties.how_to_use, "use" if benefit.kind == VOUCHER else "delivery", self.sold_out,
            place.sourcing, limit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """An account name of a version: how it is called and what it must look like."""

    field: AccountField
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A published version, ready to be bound. Immutable, so cached for the life of the process."""

    bundle_id: UUID
    bundle: str
    version: int
    price: Money
    fixed: tuple[Template, ...]
    groups: Mapping[str, Group]
    options: Mapping[str, Mapping[str, Template]]  # by group, by option code
    weights: tuple[int, ...]  # of fixed, then each group's once per slot
    asked: Mapping[str, Asked]  # by the order's account name
    open: Mapping[str, Template]  # of groups that may be left open, by group

    def slots(self, code: str, picked: Sequence[str] | None) -> list[tuple[Template, Template | None]]:
        """A group's slots: what each is when it is bought, and what was named for it if its flow is walked first.

        A flow that begins with choosing has nothing more to say to whoever has chosen (`picked`).
        """
        group, named = self.groups[code], [self.options[code][one] for one in picked or ()]
        if picked is None:
            return [(self.open[code], None)] * group.pick
        if code in self.open and group.delivery["nodes"][group.delivery["start"]]["do"] != "choose":
            return [(self.open[code], one) for one in named]
        return [(one, None) for one in named]


@dataclass(frozen=True, slots=True)
class Slot:
    """One item of a plan. `constant` is the Part itself when nothing of it depends on the order; `named` is the option
    that an open slot is to become, when its group's flow comes to choosing.
    """

    template: Template
    share: Money
    month: int
    constant: Part | None
    named: Template | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    amount: Money
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A compiled version at a price with the offers of the moment; it collects its plans as they are asked for."""

    compiled: Compiled
    price: Money
    offers: Mapping[UUID, Place]  # by benefit; a benefit without an offer is missing
    plans: dict[tuple[int, tuple[tuple[str, tuple[str, ...]], ...]], Plan] = field(default_factory=dict)


WishKey = tuple[str, int | None, UUID]


@dataclass(frozen=True, slots=True)
class Sale:
    """What is on sale now, for a batch of wishes: by wish, a bound version or why there is none."""

    lines: Mapping[WishKey, Bound | Refused]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a channel may see of a bundle: its sale window, and the version at the channel's price."""

    id: UUID
    code: str
    title: str
    sale_from: datetime | None
    sale_to: datetime | None
    bound: Bound
    published_at: datetime

    @property
    def keys_needed(self) -> dict[UUID, int]:
        """Card keys of our own stock that one of it takes, by benefit; choices are not counted."""
        needs: dict[UUID, int] = {}
        for template in self.bound.compiled.fixed:
            place = self.bound.offers.get(template.benefit.id)
            if place is not None and place.offer.source == STOCK:
                needs[template.benefit.id] = needs.get(template.benefit.id, 0) + template.units_per_set
        return needs

    def is_open(self, now: datetime) -> bool:
        """Whether it is sold now, not only announced."""
        return self.sale_from is None or now >= self.sale_from


def wish_key(wish: Wish) -> WishKey:
    """Wishes with the same key are answered by the same line of a sale."""
    return (wish.bundle, wish.version, wish.channel_id)


def account_names(component: Component, benefit: Benefit) -> tuple[tuple[str, str], ...]:
    """(field name, account name) for every field of the benefit: the mapped name, or the field's own."""
    return tuple((f.name, component.accounts.get(f.name, f.name)) for f in benefit.properties.fields)


def compile_version(bundle_id: UUID, bundle: str, version: int, document: Document) -> Compiled:
    """Everything about a published version that orders do not change. Raises what keeps a flow from being walked."""

    def template(component: Component) -> Template:
        benefit = document.benefits[component.benefit]
        names = account_names(component, benefit)
        when = timing(component.delivery)
        graph = _walkable(component.delivery) if when.kind == "flow" else None
        return Template(component, benefit, when, graph, document.sold_out, names)

    fixed = tuple(template(c) for c in document.components)
    options = {g.code: {o.code: template(o) for o in g.options} for g in document.groups}
    asked: dict[str, Asked] = {}
    for made in (*fixed, *(o for group in options.values() for o in group.values())):
        for wanted, (_, name) in zip(made.benefit.properties.fields, made.accounts, strict=True):
            asked.setdefault(name, Asked(wanted, re.compile(wanted.pattern)))
    weights = [_weight(c) for c in document.components]
    weights += [_weight(g) for g in document.groups for _ in range(g.pick)]
    return Compiled(
        bundle_id, bundle, version, Money(document.price_minor, document.currency), fixed,
        {g.code: g for g in document.groups}, options, tuple(weights), asked,
        {g.code: _open(g, document) for g in document.groups if g.delivery},
    )  # fmt: skip


def _open(group: Group, document: Document) -> Template:
    """A slot of a group that is left open: a share of the price, and nothing yet to be had for it."""
    benefit = Benefit(NOBODY, "", NOBODY, CHOICE, group.title, Money(0, document.currency), Properties())
    component = Component(group.code, "", group.role, delivery=group.delivery)
    return Template(component, benefit, Timing("flow"), _walkable(group.delivery), document.sold_out, ())


def _walkable(graph: Mapping[str, Any]) -> str:
    """A flow as items carry it. It is read here already: what cannot be walked must not be sold."""
    Flow(graph, _ANY_ZONE)
    return json.dumps(graph, ensure_ascii=False)


def bind(compiled: Compiled, price_minor: int | None, offers: Mapping[UUID, Place]) -> Bound:
    """A compiled version with the channel's price (None: its own) and the best active offer per benefit."""
    price = compiled.price if price_minor is None else Money(price_minor, compiled.price.currency)
    nowhere = Place(Offer(NOBODY, OWN, None, "", Money(0, price.currency)), None, None)
    return Bound(compiled, price, {**offers, NOBODY: nowhere} if compiled.open else offers)


def _weight(share: Component | Group) -> int:
    return (share.share_minor if share.weight is None else share.weight) or 0
