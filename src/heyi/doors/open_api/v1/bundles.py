"""Bundles as a channel may show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import get

from heyi.doors.access import Caller, allow
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import MoneyShape, NotFoundHere, Shape, money
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.offer import catalog
from heyi.offer.catalog.compiled import Template
from heyi.offer.catalog.model import Group

READ = allow("channel", "bundles:read")


class DeliveryShape(Shape):
    """When it comes: `words` by language (zh, en), `graph` as data."""

    words: dict[str, str]
    graph: dict[str, Any]


class ChoiceGroupShape(Shape):
    """The component is one of several options, of which `pick` are chosen. `later`: the choice may be left open when
    the bundle is bought; until when, and what is taken then.
    """

    code: str
    title: str
    pick: int
    later: DeliveryShape | None


class AccountShape(Shape):
    """Something to ask the buyer for, under this name in the order's `accounts`."""

    name: str
    label: str
    pattern: str


class BundleComponentShape(Shape):
    """`code` is what `choices` name when the component is an option."""

    code: str
    benefit: str
    title: str
    kind: str
    role: str
    quantity: int
    market_price: MoneyShape
    delivery: DeliveryShape
    choice_group: ChoiceGroupShape | None
    accounts: list[AccountShape]
    how_to_use: str


class BundleForChannelShape(Shape):
    """`price` is the channel's own."""

    id: str
    code: str
    title: str
    version: int
    price: MoneyShape
    sale_from: datetime | None
    sale_to: datetime | None
    components: list[BundleComponentShape]


def bundle_shape(shown: catalog.Shown, zone: ZoneInfo) -> BundleForChannelShape:
    compiled = shown.bound.compiled
    titles = {template.component.code: template.benefit.title for template in compiled.fixed}
    components = [_component(template, None, zone, titles) for template in compiled.fixed]
    for code, group in compiled.groups.items():
        components += [_component(template, group, zone, titles) for template in compiled.options[code].values()]
    return BundleForChannelShape(
        id=to_text("bnd", shown.id), code=shown.code, title=shown.title, version=compiled.version,
        price=money(shown.bound.price), sale_from=shown.sale_from, sale_to=shown.sale_to, components=components,
    )  # fmt: skip


def _component(
    template: Template, group: Group | None, zone: ZoneInfo, titles: Mapping[str, str]
) -> BundleComponentShape:
    component, benefit = template.component, template.benefit
    labels = {field.name: field for field in benefit.properties.fields}
    return BundleComponentShape(
        code=component.code, benefit=benefit.code, title=benefit.title, kind=benefit.kind, role=component.role,
        quantity=component.quantity, market_price=money(benefit.market_price),
        delivery=DeliveryShape(
            words=catalog.wording.in_words(component.delivery, zone=zone, titles=titles), graph=component.delivery
        ),
        choice_group=None if group is None else _group(group, zone, titles),
        accounts=[
            AccountShape(name=called, label=labels[name].label, pattern=labels[name].pattern)
            for name, called in template.accounts
        ],
        how_to_use=benefit.properties.how_to_use,
    )  # fmt: skip


def _group(group: Group, zone: ZoneInfo, titles: Mapping[str, str]) -> ChoiceGroupShape:
    later = None
    if group.delivery:
        named = {**titles, **{option.code: option.code for option in group.options}}
        words = catalog.wording.in_words(group.delivery, zone=zone, titles=named)
        later = DeliveryShape(words=words, graph=group.delivery)
    return ChoiceGroupShape(code=group.code, title=group.title, pick=group.pick, later=later)


@get("/bundles", guards=[READ], summary="Bundles on sale now or announced, newest first", tags=["bundles"])
async def list_bundles_on_sale(
    tools: Tools, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Page[BundleForChannelShape]:
    async with tools.db.transaction() as tx:
        found = await catalog.list_shown(
            tx, caller.id, before=before(cursor), most=limit + 1, now=tools.clock.now()
        )  # fmt: skip
    return paged(found, limit, lambda shown: bundle_shape(shown, tools.settings.zone))


@get("/bundles/{bundle:str}", guards=[READ], summary="One bundle, by id or code", tags=["bundles"])
async def get_bundle_on_sale(bundle: str, tools: Tools, caller: Caller) -> BundleForChannelShape:
    key = (bundle, None, caller.id)
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", bundle):
        raise NotFoundHere(what="bundle")
    async with tools.db.transaction() as tx:
        shown = (await catalog.show(tx, [key], now=tools.clock.now()))[key]
    if isinstance(shown, Refused):
        raise NotFoundHere(what="bundle")
    return bundle_shape(shown, tools.settings.zone)


HANDLERS = [list_bundles_on_sale, get_bundle_on_sale]
