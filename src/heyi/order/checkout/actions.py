"""Lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_for, new_id
from heyi.kernel.parts import Part
from heyi.order.checkout import facts, rules, store
from heyi.order.checkout.errors import NumberReused, OrderNotFound
from heyi.order.checkout.model import DELIVERED, ENDED, ITEM, Accepted, Asked, Item, ItemMove, Order, Placed


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which of the asked orders are new (each with the id its order will have), and what became of the others."""

    new: dict[tuple[UUID, str], UUID]
    known: dict[tuple[UUID, str], UUID | NumberReused]


async def claim_numbers(tx: Tx, asked: Sequence[Asked], *, now: datetime) -> Numbers:
    """Claim the order numbers (each at most once in `asked`); a known number keeps the order it has.

    Waits for other transactions that are placing the same number right now.
    """
    now_ms = millis(now)
    ids = {one.key: new_id(now_ms, lane_for(one.channel_id, one.buyer)) for one in asked}
    fresh = await store.claim_numbers(tx, asked, list(ids.values()))
    if len(fresh) == len(asked):
        return Numbers(ids, {})
    old = [one for one in asked if one.key not in fresh]
    rows = await store.known_numbers(tx, old)
    known: dict[tuple[UUID, str], UUID | NumberReused] = {}
    for one in old:
        row = rows[one.key]
        same = row.fingerprint == one.fingerprint
        known[one.key] = row.order_id if same else NumberReused("/channel_order_no", number=one.number)
    return Numbers({key: id for key, id in ids.items() if key in fresh}, known)


def prepare(accepted: Sequence[Accepted], numbers: Numbers, *, now: datetime) -> list[Placed]:
    """Give the items of accepted orders their ids."""
    now_ms = millis(now)
    return [rules.with_ids(one, numbers.new[one.asked.key], now, now_ms) for one in accepted]


async def place(tx: Tx, placed: Sequence[Placed], refused: Sequence[Asked], *, now: datetime) -> None:
    """Write accepted orders; give refused ones their number back. Safe inside a pipeline."""
    if refused:
        await store.free_numbers(tx, refused)
    if placed:
        await store.insert(tx, placed, now=now)


def facts_of(placed: Sequence[Placed]) -> list[Fact]:
    """What placing these orders says to the world."""
    return [fact for one in placed for fact in facts.of_placed(one)]


def order_of(placed: Placed) -> Order:
    """The order as it was just written, without reading it back."""
    asked, basket = placed.accepted.asked, placed.accepted.basket
    items = tuple(
        [
            Item(
                item.id, placed.id, place, item.line.part.component, item.line.part.role, item.line.part.benefit,
                item.line.part.kind, item.line.part.share, item.line.state, item.line.due_at, item.entitlement_id,
                None, {},
            )
            for place, item in enumerate(placed.items)
        ]
    )  # fmt: skip
    done = sum([item.state == DELIVERED for item in items])
    return Order(
        placed.lane, placed.id, asked.channel_id, asked.number, asked.buyer, basket.bundle, basket.version,
        asked.quantity, basket.amount, "paid", rules.fulfilment_of(len(items), done, done), "none", "none",
        dict(asked.metadata) if asked.metadata is not None else None, placed.at, placed.at, items,
    )  # fmt: skip


async def read(tx: Tx, order_ids: Sequence[UUID], *, lock: bool = False) -> list[Order]:
    """Orders with their items, as they are now; unknown ids are left out. To lock them, hand the ids in order."""
    return await store.read(tx, order_ids, lock=lock)


async def find(tx: Tx, order_id: UUID, *, channel_id: UUID | None) -> Order:
    """One order; a stranger's is as unknown as a missing one. `channel_id` None: an operator asks."""
    found = await store.read(tx, [order_id])
    if not found or (channel_id is not None and found[0].channel_id != channel_id):
        raise OrderNotFound
    return found[0]


async def by_number(tx: Tx, channel_id: UUID, number: str) -> Order | None:
    """The order that this channel gave this number."""
    order_id = await store.order_of_number(tx, channel_id, number)
    found = [] if order_id is None else await store.read(tx, [order_id])
    return found[0] if found else None


async def accounts_of(tx: Tx, order: Order) -> dict[str, str]:
    """What was asked to be filled, by the order's own field names; for who gave it."""
    return await store.accounts(tx, order)


async def search(
    tx: Tx,
    *,
    channel_id: UUID | None,
    before: UUID | None,
    limit: int,
    number: str | None = None,
    buyer: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    of_channel: UUID | None = None,
) -> list[Order]:
    """Orders newest first; `state` is the fulfilment axis.

    `channel_id` None: an operator asks, who sees every channel's orders, or those `of_channel`.
    """
    filters = {"before": before, "limit": limit, "number": number, "state": state, "since": since}
    if channel_id is None:
        rows = await store.list_all(tx, channel=of_channel, **filters)
    else:
        lane = None if buyer is None else lane_for(channel_id, buyer)
        rows = await store.list_of_channel(tx, channel=channel_id, buyer=buyer, lane=lane, **filters)
    return await store.with_items(tx, rows)


async def move_items(tx: Tx, moves: Sequence[ItemMove], *, now: datetime) -> list[Fact]:
    """Move items and their orders' counters; answers the facts of what did move, for the outbox.

    The orders are locked in id order. A move that an item's state does not allow is left out silently: the same
    result heard twice, or a late message, must not move anything backwards.
    """
    if not moves:
        return []
    orders = {o.id: o for o in await store.read(tx, sorted({m.order_id for m in moves}), lock=True)}
    items = {item.id: item for order in orders.values() for item in order.items}
    changes: list[tuple[ItemMove, Item, str]] = []
    for move in moves:
        before = items.get(move.item_id)
        state = None if before is None else ITEM.step(before.state, move.move)
        if before is not None and state is not None:
            changes.append((move, before, state))
            items[move.item_id] = replace(before, state=state, problem=move.problem, due_at=move.due_at)
    moved = await store.move(tx, changes, now=now)
    counts, ended = {}, []
    for order in orders.values():
        states = [items[item.id].state for item in order.items]
        done, over = states.count(DELIVERED), sum(state in ENDED for state in states)
        counts[order.id] = (done, over, rules.fulfilment_of(len(states), done, over))
        if over == len(states) and any(item.state not in ENDED for item in order.items):
            ended.append(order)
    await store.count(tx, counts)
    told = [facts.item_moved(orders[m.order_id], items[m.item_id], m.move, m.problem) for m, _, _ in changes
            if m.item_id in moved]  # fmt: skip
    return told + [facts.order_fulfilled(o.lane, o.id, o.channel_id, o.buyer, counts[o.id][2]) for o in ended]


async def choose(tx: Tx, chosen: Sequence[tuple[Order, UUID, Part]]) -> list[Fact]:
    """Items whose benefit was left open are from now on these parts. Their orders are locked; answers the facts."""
    await store.choose(tx, [(order.lane, item_id, part) for order, item_id, part in chosen])
    return [facts.item_chosen(order, item_id, part) for order, item_id, part in chosen]


async def repair(tx: Tx, *, limit: int = 1000) -> list[UUID]:
    """Find orders whose counters do not match their items and count them again; answers their ids."""
    found = await store.drifted(tx, limit=limit)
    counts = {}
    for order in await store.read(tx, sorted(found), lock=True):
        states = [item.state for item in order.items]
        done, over = states.count(DELIVERED), sum(state in ENDED for state in states)
        counts[order.id] = (done, over, rules.fulfilment_of(len(states), done, over))
    await store.count(tx, counts)
    return found
