"""A voucher is used at a partner's till: show the code, prepare, confirm; or release, reverse.

Locks are taken in one order: request number, code, redemption, voucher. The ledger follows in the same transaction.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.provision import entitlement, redemption
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Asked, Redemption, ShownCode
from heyi.settle import ledger

Held = tuple[Redemption, Right]  # a redemption, and what the buyer holds after it


async def show_code(tools: Tools, channel_id: UUID, entitlement_id: UUID) -> ShownCode:
    """The voucher's code of this half minute. Raises the entitlement's refusals when it cannot be used now."""
    now = tools.clock.now()
    async with tools.db.reading() as tx:
        right = await entitlement.check_use(tx, entitlement_id, channel_id=channel_id, now=now)
    return redemption.show_code(tools.sealing, right.id, now=now)


async def prepare(tools: Tools, asked: Asked) -> tuple[Redemption, Right, bool]:
    """Reserve units for a till; the flag says that this request number had been answered before.

    Raises the redemption's and the entitlement's refusals; every refused attempt is kept.
    """
    try:
        async with tools.db.transaction() as tx:
            return await _prepare(tools, tx, asked)
    except Refused as refused:
        async with tools.db.transaction() as tx:
            await redemption.note_refusal(
                tx, "prepare", refused.code, partner_id=asked.partner_id, asked=asked, now=tools.clock.now()
            )
        raise


async def confirm(tools: Tools, partner_id: UUID, id: UUID) -> Held:
    """The till has given the goods: the units are used, their share is earned, their cost accrued."""
    return await _said(tools, "confirm", partner_id, id)


async def release(tools: Tools, partner_id: UUID, id: UUID) -> Held:
    """The till gives up: the units come back."""
    return await _said(tools, "release", partner_id, id)


async def reverse(tools: Tools, partner_id: UUID, id: UUID) -> Held:
    """The till takes a redemption back: units and money return."""
    return await _said(tools, "reverse", partner_id, id)


async def read(tools: Tools, partner_id: UUID, id: UUID) -> Held:
    """A redemption and what the buyer holds now. Raises RedemptionNotFound."""
    async with tools.db.reading() as tx:
        found = await redemption.find(tx, id, partner_id=partner_id)
        return found, await entitlement.find(tx, found.entitlement_id, now=tools.clock.now())


async def _prepare(tools: Tools, tx: Tx, asked: Asked) -> tuple[Redemption, Right, bool]:
    now = tools.clock.now()
    claimed = await redemption.claim(tx, tools.sealing, asked, now=now)
    if isinstance(claimed, Redemption):
        return claimed, await entitlement.find(tx, claimed.entitlement_id, now=now), True
    id, code = claimed
    right, _ = await _move(tx, tools, "reserve", code.entitlement_id, asked.units, asked.partner_id)
    made, facts = await redemption.prepare(tx, id, asked, right, now=now)
    await outbox.write(tx, facts, now=now)
    return made, right, False


async def _said(tools: Tools, verb: str, partner_id: UUID, id: UUID) -> Held:
    now = tools.clock.now()
    try:
        async with tools.db.transaction() as tx:
            was, move = await redemption.look(tx, verb, id, partner_id=partner_id, now=now)
            if move is None:
                return was, await entitlement.find(tx, was.entitlement_id, now=now)
            if move == "take":  # late: what a report has spoken of meanwhile is not taken again
                await entitlement.provider.lock(tx, [was.entitlement_id], now=now)
                was = await redemption.reported.not_reported(tx, was)
            right, over = await _move(tx, tools, move, was.entitlement_id, was.units, partner_id)
            made, facts = await redemption.record(tx, verb, was, right, now=now)
            await _book(tx, tools, made, right)
            await outbox.write(tx, facts + over, now=now)
            return made, right
    except Refused as refused:
        async with tools.db.transaction() as tx:
            await redemption.note_refusal(
                tx, verb, refused.code, partner_id=partner_id, redemption_id=id, now=tools.clock.now()
            )
        raise


async def _move(tx: Tx, tools: Tools, move: str, id: UUID, units: int, partner_id: UUID) -> tuple[Right, list[Fact]]:
    """One voucher's units. A late confirm whose units cannot be taken again has expired, whatever the reason."""
    answers, facts = await entitlement.move_units(tx, move, {id: units}, partner_id=partner_id, now=tools.clock.now())
    answer = answers[id]
    if isinstance(answer, Refused):
        if move in ("take", "retake"):
            raise redemption.RedemptionExpired from answer
        raise answer
    return answer, facts


async def _book(tx: Tx, tools: Tools, made: Redemption, right: Right) -> None:
    now, key = tools.clock.now(), f"redeemed:{made.id}"
    earning = ledger.Earning(made.order_id, made.item_id, made.share, key)
    if made.state == "redeemed":
        cost = ledger.Cost(made.order_id, made.item_id, made.partner_id, made.cost, key)
        await ledger.earn(tx, [earning], now=now)
        await ledger.accrue(tx, [cost], now=now)
    elif made.state == "reversed":
        await ledger.reverse(tx, [f"earn:{key}", f"cost:{key}"], because="redemption.reversed", now=now)
        if right.ended_why == "expired":  # nobody will use these units any more
            await ledger.earn(tx, [replace(earning, key=f"unused:{made.id}")], now=now)
