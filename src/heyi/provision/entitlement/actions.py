"""What rights can do: lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.kernel.parts import LINK, Part
from heyi.provision.entitlement import facts, rules, store, unit_moves
from heyi.provision.entitlement.errors import EntitlementNotFound
from heyi.provision.entitlement.model import Arrival, Grant, Right

Moved = tuple[dict[UUID, Right | Refused], list[Fact]]


async def grant(tx: Tx, grants: Sequence[Grant], *, now: datetime) -> list[Fact]:
    """Put rights and their first terms into the buyers' wallets. One statement for the batch, safe in a pipeline.

    Answers the facts of those that are usable at once (vouchers); the caller writes them to the outbox.
    """
    if not grants:
        return []
    await store.insert(tx, grants, now=now)
    return [facts.granted_active(g) for g in grants if rules.first_state(g.part, g.item_state) == "active"]


async def arrive(tx: Tx, arrivals: Sequence[Arrival], *, now: datetime) -> list[Fact]:
    """Delivery happened later, or will not. Late, repeated and unknown news moves nothing; answers the facts."""
    rights = await store.lock(tx, [a.id for a in arrivals], now=now)
    after = dict(rights)
    for arrival in arrivals:
        if arrival.id in after:
            after[arrival.id] = rules.arrived(after[arrival.id], arrival, now) or after[arrival.id]
    await store.save(tx, [(rights[i], after[i]) for i in rights])
    return told(rights, after)


async def activate(
    tx: Tx, sealing: Sealing, id: UUID, accounts: Mapping[str, str], *, channel_id: UUID, now: datetime
) -> tuple[Right, list[Fact]]:
    """The buyer activates: the right as it is then, and facts. Delivery with his accounts is released by the flow.

    Asking again with the same accounts changes nothing. Raises EntitlementNotFound and what `rules.activated` raises.
    """
    before = (await store.lock(tx, [id], now=now)).get(id)
    if before is None or before.channel_id != channel_id:
        raise EntitlementNotFound
    asked = sealing.fingerprint(id.bytes + msgspec.json.encode(sorted(accounts.items()))).hex()
    after = rules.activated(before, accounts, asked, now)
    await store.save(tx, [(before, after)])
    return after, told({id: before}, {id: after})


async def reveal(tx: Tx, ids: Sequence[UUID], *, channel_id: UUID, by: str, now: datetime) -> Moved:
    """These keys and links are about to be shown: for each id the right, or why not, and facts.

    The first reveal activates. `by` names the access key that asked. Facts of revealed card keys are the vault's.
    """
    rights = await store.lock(tx, ids, now=now)
    answers: dict[UUID, Right | Refused] = {}
    for id in ids:
        right = rights.get(id)
        if right is None or right.channel_id != channel_id:
            answers[id] = EntitlementNotFound()
            continue
        try:
            answers[id] = rules.revealed(right, now)
        except Refused as refused:
            answers[id] = refused
    after = {id: right for id, right in answers.items() if isinstance(right, Right)}
    before = {id: rights[id] for id in after}
    await store.save(tx, [(before[i], after[i]) for i in after])
    links = [facts.link_revealed(right, by) for right in after.values() if right.kind == LINK]
    return answers, links + told(before, after)


async def move_units(
    tx: Tx, move: str, units: Mapping[UUID, int], *, now: datetime, partner_id: UUID | None = None
) -> Moved:
    """Reserve, use, release, take, retake or give back units of vouchers ({entitlement: units}).

    For each id the right as it is then, or why not; a right of another partner than `partner_id` is not found.
    """
    rights = await store.lock(tx, units, now=now)
    answers: dict[UUID, Right | Refused] = {}
    for id, count in units.items():
        right = rights.get(id)
        if right is None or (partner_id is not None and right.partner_id != partner_id):
            answers[id] = EntitlementNotFound()
            continue
        try:
            answers[id] = unit_moves.MOVES[move](right, count, now)
        except Refused as refused:
            answers[id] = refused
    after = {id: right for id, right in answers.items() if isinstance(right, Right)}
    await store.save(tx, [(rights[i], after[i]) for i in after])
    return answers, told(rights, after)


async def expire(tx: Tx, *, most: int, now: datetime) -> tuple[list[Right], list[Fact]]:
    """End rights past their last moment, at most so many; those promised to a till wait for its answer."""
    rights = {right.id: right for right in await store.lock_expired(tx, now=now, most=most)}
    after = {id: gone for id, right in rights.items() if (gone := rules.expired(right, now)) is not None}
    await store.save(tx, [(rights[i], after[i]) for i in after])
    return list(after.values()), told(rights, after)


async def check_use(tx: Tx, id: UUID, *, channel_id: UUID, now: datetime) -> Right:
    """The voucher, when a unit may be used now. Raises EntitlementNotFound and what `unit_moves.check_use` raises."""
    right = await find(tx, id, channel_id=channel_id, now=now)
    unit_moves.check_use(right, 1, now)
    return right


async def find(tx: Tx, id: UUID, *, channel_id: UUID | None = None, now: datetime) -> Right:
    """One right; a stranger's is not found. Raises EntitlementNotFound."""
    right = await store.find(tx, id, now=now)
    if right is None or (channel_id is not None and right.channel_id != channel_id):
        raise EntitlementNotFound
    return right


async def of_order(tx: Tx, lane: int, order_id: UUID, *, now: datetime) -> list[Right]:
    """All rights of an order, in the order of their ids."""
    return await store.of_order(tx, lane, order_id, now=now)


async def lock_of_orders(tx: Tx, orders: Sequence[tuple[int, UUID]], *, now: datetime) -> list[Right]:
    """All rights of these (lane, order)s, locked. Lock the orders first."""
    return await store.lock_of_orders(tx, orders, now=now)


async def choose(tx: Tx, chosen: Sequence[tuple[UUID, Part]]) -> None:
    """Rights whose benefit was left open are from now on rights to these parts. They are locked."""
    await store.choose(tx, chosen)


async def search(
    tx: Tx, *, channel_id: UUID, buyer: str, state: str | None, before: UUID | None, limit: int, now: datetime
) -> list[Right]:
    """A page of a buyer's rights, newest first and older than `before`."""
    return await store.of_buyer(tx, channel_id=channel_id, buyer=buyer, state=state, before=before, most=limit, now=now)


def told(before: Mapping[UUID, Right], after: Mapping[UUID, Right]) -> list[Fact]:
    """What the outside must know of these changes."""
    told = []
    for id, right in after.items():
        if right.state == before[id].state:
            continue
        if right.state == "active" and before[id].state != "ended":
            told.append(facts.activated(right))
        elif right.state == "ended":
            told.append(facts.ended(right))
    return told
