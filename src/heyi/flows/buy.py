"""A channel buys: paid from its deposit, and everything due at once and ours to give delivered, in one transaction.

Scarce things are locked first and in one order: order numbers, card keys, deposits last. Then one pure rule folds over
the batch, and only then is anything written, in one pipelined round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.flows import scene
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.offer import catalog
from heyi.order import checkout
from heyi.order.checkout import Accepted, Asked, Order, Placed
from heyi.provision import entitlement, fulfilment, stock
from heyi.settle import ledger

Answer = tuple[Order, bool] | Refused  # the order as it is now, and whether this is a replay


async def buy(tools: Tools, asked: Sequence[Asked]) -> list[Answer]:
    """Place a batch of orders; one answer for each, in the same order. Refusals are values, not exceptions."""
    first: dict[object, int] = {}
    for place, one in enumerate(asked):
        first.setdefault(one.key, place)
    batch = [asked[place] for place in first.values()]
    try:
        answers = await _place(tools, batch, careful=False)
    except ledger.DepositMoved:
        answers = await _place(tools, batch, careful=True)
    answered = dict(zip(first, answers, strict=True))
    # The same number twice in one batch: the later call is a replay (or a reuse) of the earlier one.
    again = [one for place, one in enumerate(asked) if first[one.key] != place]
    replays = iter(await buy(tools, again) if again else ())
    return [answered[one.key] if first[one.key] == place else next(replays) for place, one in enumerate(asked)]


async def quote(tools: Tools, one: Asked) -> Accepted | Refused:
    """What would become of this order now: the same look at everything, and nothing is kept."""
    async with tools.db.rehearsal() as tx:
        return (await _judge(tools, tx, [one], now=tools.clock.now(), careful=False))[0]


async def _place(tools: Tools, asked: Sequence[Asked], *, careful: bool) -> list[Answer]:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        numbers = await checkout.claim_numbers(tx, asked, now=now)
        new = [one for one in asked if one.key in numbers.new]
        verdicts = await _judge(tools, tx, new, now=now, careful=careful) if new else []
        placed = checkout.prepare([v for v in verdicts if isinstance(v, Accepted)], numbers, now=now)
        refused = {one.key: v for one, v in zip(new, verdicts, strict=True) if isinstance(v, Refused)}
        plans = await fulfilment.route(tx, _plans(placed), wall=tools.clock.wall())
        await _write(tx, tools, placed, plans, [one for one in new if one.key in refused], now=now)
        replayed = [id for id in numbers.known.values() if not isinstance(id, Refused)]
        known = {order.id: order for order in await checkout.read(tx, replayed)} if replayed else {}
    orders = {one.accepted.asked.key: checkout.order_of(one) for one in placed}

    def answer(one: Asked) -> Answer:
        if one.key in orders:
            return orders[one.key], False
        if one.key in refused:
            return refused[one.key]
        before = numbers.known[one.key]
        return before if isinstance(before, Refused) else (known[before], True)

    return [answer(one) for one in asked]


async def _judge(
    tools: Tools, tx: Tx, asked: Sequence[Asked], *, now: datetime, careful: bool
) -> list[Accepted | Refused]:
    wishes = [_wish(one) for one in asked]
    sale = await catalog.on_sale(tx, wishes, now=now)
    baskets = [catalog.fill(sale, wish, now=now, zone=tools.settings.zone) for wish in wishes]
    keys = await stock.claim(tx, checkout.keys_needed(baskets), now=now)
    purses = await ledger.deposits(tx, {one.channel_id for one in asked}, lock=careful)
    return checkout.decide(asked, baskets, keys, purses)


async def _write(
    tx: Tx,
    tools: Tools,
    placed: Sequence[Placed],
    plans: Sequence[fulfilment.Plan],
    refused: Sequence[Asked],
    *,
    now: datetime,
) -> None:
    if not placed:
        return await checkout.place(tx, placed, refused, now=now)
    async with tx.pipeline():
        await checkout.place(tx, placed, refused, now=now)
        begun = await entitlement.grant(tx, _grants(placed), now=now)
        await fulfilment.plan(tx, plans, now=now)
        await stock.issue(tx, _issued(placed), now=now)
        await outbox.write(tx, [*checkout.facts_of(placed), *begun, *scene.told_at_purchase(tools, placed)], now=now)
        check = await ledger.charge(tx, [_charge(one) for one in placed], now=now)
    return await check()


def _wish(one: Asked) -> catalog.Wish:
    return catalog.Wish(
        one.bundle, one.version, one.channel_id, one.quantity, dict(one.accounts), dict(one.choices), one.expected,
        one.at_most,
    )  # fmt: skip


def _grants(placed: Sequence[Placed]) -> list[entitlement.Grant]:
    return [
        entitlement.Grant(
            one.lane, item.entitlement_id, one.accepted.asked.channel_id, one.accepted.asked.buyer, one.id, item.id,
            item.line.part, item.line.state, item.line.key.expires_at if item.line.key else None,
        )
        for one in placed for item in one.items
    ]  # fmt: skip


def _plans(placed: Sequence[Placed]) -> list[fulfilment.Plan]:
    return [
        fulfilment.Plan(
            one.lane, item.task_id, item.id, one.id, item.entitlement_id, item.line.part, item.line.state,
            None if one.accepted.asked.ship_to is None else dict(one.accepted.asked.ship_to),
        )
        for one in placed for item in one.items if item.task_id is not None
    ]  # fmt: skip


def _issued(placed: Sequence[Placed]) -> list[tuple[UUID, UUID]]:
    return [(item.line.key.id, item.id) for one in placed for item in one.items if item.line.key is not None]


def _charge(one: Placed) -> ledger.Charge:
    return ledger.Charge(
        one.accepted.asked.channel_id, one.id, one.accepted.basket.amount,
        tuple([ledger.Sold(item.id, item.line.part.share.amount_minor, item.line.earned,
                           item.line.cost_now_minor, item.line.part.partner_id)
               for item in one.items]),
    )  # fmt: skip
