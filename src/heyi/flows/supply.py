"""Others sell our bundles: what they may buy in a standard of theirs, and how an order of theirs stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from heyi.flows import reveal
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.kernel.parts import AccountField
from heyi.offer import catalog, partner
from heyi.offer.catalog.errors import NotOnSale
from heyi.offer.partner.standards import (
    ACCOUNT,
    STANDARDS,
    Bought,
    Bundled,
    Card,
    Given,
    Goods,
    Handed,
    Report,
    stock_of,
)
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement, stock
from heyi.provision.entitlement import Right
from heyi.provision.entitlement.errors import Held

GOODS_MAX = 2000  # bundles on sale that are looked at for a list
STOCK_MOST = 100_000  # keys are counted no further


@dataclass(frozen=True, slots=True)
class Line:
    """A bundle on sale and what a standard says of it: goods, or why it has no words for it. `number`: see numbers."""

    bundle: Bundled
    number: int
    answer: Goods | Refused


async def lines(tools: Tools, standard: str, channel_id: UUID) -> list[Line]:
    """Everything on sale to a channel now, newest first, as a standard says it."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        shown = await catalog.list_shown(tx, channel_id, before=None, most=GOODS_MAX, now=now)
        return await _lines(tx, standard, shown, now=now)


async def line(tools: Tools, standard: str, channel_id: UUID, bundle: str) -> Line | Refused:
    """One bundle by its code or id, or why it is not on sale to the channel."""
    key, now = (bundle, None, channel_id), tools.clock.now()
    async with tools.db.transaction() as tx:
        shown = (await catalog.show(tx, [key], now=now))[key]
        if isinstance(shown, Refused):
            return shown
        found = await _lines(tx, standard, [shown], now=now)
    return found[0] if found else NotOnSale()


async def behind(tools: Tools, number: int) -> UUID | None:
    """What has this number: a bundle or an order. Whoever asks must look whether it is one that he may see."""
    async with tools.db.reading() as tx:
        return await partner.supply.id_of(tx, number)


async def report(tools: Tools, order: Order, bought: Bought, *, by: str, shows: bool = True) -> Report:
    """How an order stands. What was handed over is shown (and recorded) in the states in which the standard says it,
    all of it or, while some of it is held, nothing."""
    async with tools.db.transaction() as tx:
        numbers = await partner.supply.numbers(tx, [order.id])
        facts = await outbox.of_order(tx, order.id)
        accounts = await checkout.accounts_of(tx, order) if bought.kind == ACCOUNT else {}
        rights = await entitlement.of_order(tx, order.lane, order.id, now=tools.clock.now()) if shows else []
    ends = [fact.at for fact in facts if fact.name == "order.fulfilled"]
    items = tuple((str(item.terms.get("title", item.benefit)), item.state) for item in order.items)
    told = Report(
        order.number, to_text("ord", order.id), numbers[order.id], order.bundle, bought, order.quantity, order.amount,
        order.created_at, ends[-1] if ends else None, items, accounts=accounts,
    )  # fmt: skip
    if not shows or told.state not in STANDARDS[bought.standard].SHOWN_IN:
        return told
    if held := [right for right in rights if right.has_reveal and _is_held(right)]:
        why = [Held(reasons=", ".join(right.holds)) for right in held]
        return replace(told, handed=tuple(Handed(one.title, (), no, True) for one, no in zip(held, why, strict=True)))
    shown = await reveal.order(tools, order.id, order.lane, by=by)
    return replace(told, handed=tuple(_handed(one) for one in shown))


async def find(tools: Tools, channel_id: UUID, *, number: str | None = None, id: UUID | None = None) -> Order | None:
    """A channel's order by its own number, or by our id; a stranger's is not there."""
    async with tools.db.reading() as tx:
        if number is not None:
            return await checkout.by_number(tx, channel_id, number)
        found = await checkout.read(tx, [id] if id is not None else [])
    return next((order for order in found if order.channel_id == channel_id), None)


def _handed(shown: reveal.Shown) -> Handed:
    title, pairs = shown.right.title, ((shown.code, shown.secret), *shown.others)
    if shown.refused is not None:
        return Handed(title, refused=shown.refused, held=_is_held(shown.right))
    return Handed(title, tuple(Card(title, code, secret, shown.link) for code, secret in pairs))


def _is_held(right: Right) -> bool:
    """It cannot be shown now, and can be when the hold is lifted."""
    return bool(right.holds) and right.state not in ("ended", "failed")


async def _lines(tx: Tx, standard: str, shown: Sequence[catalog.Shown], *, now: datetime) -> list[Line]:
    open_now = [one for one in shown if one.is_open(now)]
    needed = sorted({benefit for one in open_now for benefit in one.keys_needed})
    ready = await stock.ready(tx, needed, most=STOCK_MOST, now=now)
    numbers = await partner.supply.numbers(tx, [one.id for one in open_now])
    bundles = [_bundled(one, stock_of(one.keys_needed, ready)) for one in open_now]
    return [Line(one, numbers[one.id], STANDARDS[standard].sellable(one)) for one in bundles]


def _bundled(shown: catalog.Shown, left: int | None) -> Bundled:
    compiled, bound = shown.bound.compiled, shown.bound
    parts = tuple(
        Given(one.benefit.code, one.benefit.kind, one.timing.kind == "now", one.benefit.id in bound.offers)
        for one in compiled.fixed
    )
    fields = tuple(AccountField(name, one.field.label, one.field.pattern) for name, one in compiled.asked.items())
    return Bundled(
        shown.id, shown.code, shown.title, compiled.version, bound.price, shown.published_at, bool(compiled.groups),
        parts, fields, left,
    )  # fmt: skip
