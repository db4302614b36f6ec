"""A slot that was left open when it was bought is filled: by the buyer, before or later, or by the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heyi.flows import scene
from heyi.flows.carry import settle
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.parts import CHOICE
from heyi.offer import catalog
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement
from heyi.provision.entitlement import Right
from heyi.provision.entitlement.errors import NothingToChoose
from heyi.provision.fulfilment import Release, slots, waiting
from heyi.provision.fulfilment.model import Chosen, Woken

AGAIN = timedelta(hours=1)  # when nothing of a choice can be had


async def choose(tools: Tools, channel_id: UUID, entitlement_id: UUID, option: str) -> Right:
    """The buyer chooses for an open slot. The same choice again answers the right as it is.

    Raises EntitlementNotFound, NothingToChoose, Held, and what the catalog says against the option (/option).
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen = await entitlement.find(tx, entitlement_id, channel_id=channel_id, now=now)
        woken = await waiting.asked_for(tx, [Release(seen.lane, seen.item_id)], now=now) if seen.kind == CHOICE else []
        woken = split(woken, tools)[True]
        if not woken:
            again = await entitlement.find(tx, entitlement_id, now=now)
            if again.kind != CHOICE and again.component == option:
                return again
            raise NothingToChoose
        entitlement.check_choice(seen)
        (order,) = await checkout.read(tx, [seen.order_id], lock=True)
        bound = (await catalog.choosing.as_sold(tx, [_key(order)]))[_key(order)]
        item = next(item for item in order.items if item.id == seen.item_id)
        made = catalog.choosing.chosen(
            bound, item.component, option, item.share, taken=_taken(order), quantity=order.quantity
        )
        if isinstance(made, Refused):
            raise made
        await _fill(tx, tools, {order.id: order}, [Chosen(woken[0], *made)], now=now)
        return await entitlement.find(tx, entitlement_id, now=now)


async def by_default(tx: Tx, tools: Tools, woken: Sequence[Woken], *, now: datetime) -> None:
    """Each slot takes what was named for it beforehand; or, when nobody chose in time, the first of its defaults that
    the order's other slots have left. What was named and cannot be had any more is asked for again.
    """
    if not woken:
        return
    orders = {o.id: o for o in await checkout.read(tx, sorted({one.row.order_id for one in woken}), lock=True)}
    taken = {id: _taken(order) for id, order in orders.items()}
    sold = await catalog.choosing.as_sold(tx, {_key(order) for order in orders.values()})
    chosen: list[Chosen] = []
    later: list[Woken] = []
    asking: list[Woken] = []
    for one in woken:
        order = orders[one.row.order_id]
        item = next(item for item in order.items if item.id == one.row.item_id)
        choice = slots.at_choice(one, tools.settings.zone)
        assert choice is not None
        made = catalog.choosing.default(
            sold[_key(order)], item.component, choice.defaults, item.share, named=choice.named,
            accounts=choice.accounts, taken=taken[order.id], quantity=order.quantity,
        )  # fmt: skip
        if made is None:
            (later if choice.named is None else asking).append(one)
            continue
        taken[order.id].append(made[0].component)
        chosen.append(Chosen(one, *made))
    await slots.look_again(tx, later, until=now + AGAIN)
    await settle(tx, tools, await slots.ask(tx, asking, zone=tools.settings.zone, now=now), [], now=now)
    await _fill(tx, tools, orders, chosen, now=now)


async def _fill(tx: Tx, tools: Tools, orders: Mapping[UUID, Order], chosen: Sequence[Chosen], *, now: datetime) -> None:
    if not chosen:
        return
    scenes = await scene.scenes(tx, sorted({one.woken.row.order_id for one in chosen}), now=now)
    facts = await checkout.choose(
        tx, [(orders[one.woken.row.order_id], one.woken.row.item_id, one.part) for one in chosen]
    )
    await entitlement.choose(tx, [(one.woken.row.entitlement_id, one.part) for one in chosen])
    outcomes, told = await slots.fill(tx, chosen, scenes, zone=tools.settings.zone, now=now)
    await settle(tx, tools, outcomes, [*facts, *told], now=now)


def _key(order: Order) -> tuple[str, int, UUID]:
    return order.bundle, order.bundle_version, order.channel_id


def _taken(order: Order) -> list[str]:
    return [item.component for item in order.items if item.kind != CHOICE]


def split(woken: Sequence[Woken], tools: Tools) -> Mapping[bool, list[Woken]]:
    """Those that stand at a choice (True), and the others."""
    found: dict[bool, list[Woken]] = {True: [], False: []}
    for one in woken:
        found[one.row.kind == CHOICE and slots.at_choice(one, tools.settings.zone) is not None].append(one)
    return found
