"""Telling those who bought in a standard of theirs how an order ended, at the address that came with it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heyi.flows import resolve, supply
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.kernel.talk import Call, Reply
from heyi.offer import partner
from heyi.offer.partner.standards import DOING, STANDARDS, bought_of, tells
from heyi.order import checkout
from heyi.provision.fulfilment import desk
from heyi.watch import webhook
from heyi.watch.webhook import CallBack, Sending

TASKS_MAX = 100  # open tasks of one item
NO_KEY, NOT_ACKNOWLEDGED, NOT_NOW = "no live supply key", "not acknowledged", "not all of it can be told now"


async def those_who_bought(tools: Tools, facts: Sequence[Fact]) -> None:
    """Make a delivery for every ended order that brought an address along; once per fact, however often this runs."""
    now = tools.clock.now()
    channels = {fact.channel_id for fact in facts if fact.channel_id is not None}
    async with tools.db.transaction() as tx:
        buying = await partner.supply.among(tx, channels)
        ended = {fact.order_id: fact for fact in facts if fact.order_id is not None and fact.channel_id in buying}
        orders = await checkout.read(tx, sorted(ended)) if ended else []
        found = [(order, ended[order.id], bought_of(order.metadata)) for order in orders]
        await webhook.announce_to(
            tx,
            [
                CallBack(order.channel_id, bought.standard, fact.id or UUID(int=0), order.id, fact.name, bought.url)
                for order, fact, bought in found
                if bought is not None and bought.url is not None and tells(bought, order.created_at, fact.at)
            ],
            now=now,
        )


async def nobody_to_ask(tools: Tools, facts: Sequence[Fact]) -> None:
    """A part waits for its buyer (a supplier refused his account), and a standard of others has no way to ask him: it
    has failed, so that the order comes to its end and whoever bought it hears that."""
    async with tools.db.transaction() as tx:
        channels = {fact.channel_id for fact in facts if fact.channel_id is not None}
        buying = await partner.supply.among(tx, channels)
        items = {fact.item_id: fact.order_id for fact in facts if fact.order_id and fact.channel_id in buying}
        orders = await checkout.read(tx, sorted(set(items.values()))) if items else []
        bought = {order.id for order in orders if bought_of(order.metadata) is not None}
        waiting = [
            task
            for item_id, order_id in items.items()
            if order_id in bought
            for task in await desk.search(
                tx, state="waiting_for_buyer", supplier=None, order_id=None, item_id=item_id, stuck_since=None,
                before=None, limit=TASKS_MAX,
            )
        ]  # fmt: skip
    for task in waiting:
        why = f"the buyer cannot be asked: {task.problem or 'an account is wrong'}"
        await resolve.resolve(tools, task.id, "failed", proof="", note=why, by="supply")


async def call_for(tools: Tools, sending: Sending) -> Call | str:
    """One try: the order as it is now, in the standard's body and signature; or why it cannot be said now.

    The body is made here and kept nowhere: it may carry cards, and their being shown is recorded.
    """
    async with tools.db.reading() as tx:
        order = (await checkout.read(tx, [sending.order_id or UUID(int=0)]))[0]
        keys = await partner.supply.live(
            tx, tools.sealing, order.channel_id, sending.voice, now=tools.clock.now()
        )  # fmt: skip
    bought = bought_of(order.metadata)
    if not keys or bought is None:
        return NO_KEY
    access = next((one for one in keys if one.key == bought.key), keys[0])
    standard, by = STANDARDS[sending.voice], f"channel:{to_text('chn', order.channel_id)} notified by {sending.voice}"
    report = await supply.report(tools, order, bought, by=by)
    if report.state == DOING:  # something is held, or is being tried again: nobody is told an end that is none
        return NOT_NOW
    return standard.call(access, sending.url, standard.body(report), tools.clock.wall())


def fault(sending: Sending, reply: Reply | None) -> str:
    """What is wrong with an answer that arrived: empty, when it is the word that the standard waits for."""
    if reply is None or sending.voice == webhook.WEBHOOK or STANDARDS[sending.voice].acknowledged(reply.body):
        return ""
    return NOT_ACKNOWLEDGED
