"""What waits: for its day, for stock, for another item, for the buyer. And what our own hands give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx
from heyi.kernel import flow
from heyi.kernel.facts import Fact
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY
from heyi.provision.fulfilment import facts as telling
from heyi.provision.fulfilment import model, planning, store, waits
from heyi.provision.fulfilment.errand import Outcome, TaskChange
from heyi.provision.fulfilment.model import TASK, Release, Request, Woken

_request = msgspec.json.Decoder(Request).decode
WAITERS_COUNTED_MAX = 1000


class Key(Protocol):
    """A card key that is locked for us; the vault knows the rest."""

    @property
    def id(self) -> UUID: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def cost(self) -> Money: ...


Keys = Mapping[UUID, Sequence[Key]]


@dataclass(frozen=True, slots=True)
class Due:
    """Claimed tasks of our own hands, and how many keys of each benefit they want now."""

    tasks: list[Row]
    keys_needed: dict[UUID, int]


@dataclass(frozen=True, slots=True)
class Given:
    """What giving asks of the other contexts: keys to issue (key, item), items to move, facts."""

    issued: list[tuple[UUID, UUID]]
    outcomes: list[Outcome]
    facts: list[Fact]


async def claim_due(tx: Tx, *, most: int, now: datetime) -> Due:
    """Lock what is due and ours to give. Benefits that others wait for already get no key here: those come first."""
    rows = await waits.claim_own(tx, most=most, now=now)
    needs: dict[UUID, int] = {}
    for row in rows:
        if row.kind == CARD_KEY:
            needs[row.benefit_id] = needs.get(row.benefit_id, 0) + 1
    taken = await waiting_for_stock(tx, list(needs)) if needs else {}
    return Due(rows, {benefit: count for benefit, count in needs.items() if benefit not in taken})


async def give(tx: Tx, due: Due, keys: Keys, *, now: datetime) -> Given:
    """Deliver claimed tasks: keys as far as they go, links and vouchers at once, the rest to a person."""
    left = {benefit: list(reversed(found)) for benefit, found in keys.items()}
    changes, given = [], Given([], [], [])
    for row in due.tasks:
        request = _request(row.request)
        key = left[row.benefit_id].pop() if row.kind == CARD_KEY and left.get(row.benefit_id) else None
        move, problem = _move(row.kind, request, key)
        changes.append(_changed(row, model.SCHEDULED, move, now, problem))
        if key is not None:
            given.issued.append((key.id, row.item_id))
        given.outcomes.append(_outcome(row, request, key, "start" if move == "want_person" else move, problem))
        if move == "want_person":
            given.facts.append(telling.wants_person(row, problem or ""))
    if changes:
        await store.save_tasks(tx, changes, now=now)
    return given


def _move(kind: str, request: Request, key: Key | None) -> tuple[str, str | None]:
    if request.missing:
        return "want_buyer", f"account {', '.join(request.missing)}"
    if planning.by_hand(kind, "own"):
        return "want_person", planning.BY_HAND
    return ("want_stock" if kind == CARD_KEY and key is None else "deliver"), None


async def waiting_for_stock(tx: Tx, benefit_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many items wait for each benefit's keys (benefits with none are left out; counted up to a thousand)."""
    return await waits.count_waiters(tx, benefit_ids, most=WAITERS_COUNTED_MAX) if benefit_ids else {}


async def benefits_with_waiters(tx: Tx) -> list[UUID]:
    """Benefits for whose keys somebody waits."""
    return await waits.benefits_with_waiters(tx)


async def lock_waiters(tx: Tx, benefit_id: UUID, *, most: int) -> list[Row]:
    """The items that have waited longest for a benefit's keys, locked."""
    return await waits.lock_waiters(tx, benefit_id, most=most)


async def serve(tx: Tx, waiters: Sequence[Row], keys: Sequence[Key], *, now: datetime) -> Given:
    """Give keys to the waiters in order, as far as they go."""
    pairs = list(zip(waiters, keys, strict=False))
    changes = [_changed(row, model.WAITING_FOR_STOCK, "deliver", now) for row, _ in pairs]
    if changes:
        await store.save_tasks(tx, changes, now=now)
    outcomes = [_outcome(row, _request(row.request), key, "deliver") for row, key in pairs]
    return Given([(key.id, row.item_id) for row, key in pairs], outcomes, [])


async def asked_for(tx: Tx, releases: Sequence[Release], *, now: datetime) -> list[Woken]:
    """The buyer asked, or gave accounts: keeps them, and answers the tasks that waited for him, locked.

    Accounts given early (before the day, or before the awaited event) are kept for then.
    """
    accounts = {one.item_id: one.accounts for one in releases}
    rows = await waits.lock_for_buyer(tx, releases)
    merged = [(row.lane, row.id, _merged(_request(row.request), accounts[row.item_id])) for row in rows]
    if merged:
        await waits.save_requests(tx, merged)
    fresh = {id: waits.as_text(request) for _, id, request in merged}
    return [
        Woken(row._replace(request=fresh[row.id]), flow.BUYER, now)
        for row in rows
        if row.state == model.WAITING_FOR_BUYER
    ]


def _merged(request: Request, accounts: Mapping[str, str]) -> Request:
    given = {**dict(request.accounts), **accounts}
    ordered = [*[n for n in request.wanted if n in given], *[n for n in given if n not in request.wanted]]
    return msgspec.structs.replace(request, accounts=tuple([(name, given[name]) for name in ordered]))


async def concerned(tx: Tx, facts: Sequence[Fact]) -> list[Woken]:
    """What waits for other items in the orders of these facts, locked. Whether it goes on is said by what became of
    those, whichever of their facts came first.
    """
    earliest: dict[UUID, datetime] = {}
    for fact in facts:
        if fact.order_id is not None and fact.at is not None:
            earliest[fact.order_id] = min(fact.at, earliest.get(fact.order_id, fact.at))
    rows = await waits.lock_event_waiters(tx, earliest) if earliest else []
    return [Woken(row, flow.EVENT, earliest[row.order_id]) for row in rows]


async def overdue(tx: Tx, *, most: int, now: datetime) -> list[tuple[int, UUID]]:
    """(lane, id) of tasks whose time has come before what they waited for, the longest overdue first."""
    return await waits.overdue(tx, most=most, now=now)


async def take_overdue(tx: Tx, tasks: Sequence[tuple[int, UUID]], *, now: datetime) -> list[Woken]:
    """Those of them that still are, locked. Each goes on as of the moment it was set to."""
    rows = await waits.lock_overdue(tx, tasks, now=now)
    return [Woken(row, flow.TIME, row.due_at) for row in rows]


def _changed(row: Row, before: str, move: str, now: datetime, problem: str | None = None) -> TaskChange:
    after = TASK.step(before, move)
    assert after is not None, (before, move)
    return TaskChange(row.lane, row.id, before, after, now if after == model.SCHEDULED else None, problem)


def _outcome(row: Row, request: Request, key: Key | None, move: str, problem: str | None = None) -> Outcome:
    if move != "deliver" or request.earn_on != "delivery":
        expires_at = None if key is None else key.expires_at
        return Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, move, problem,
                       key_expires_at=expires_at)  # fmt: skip
    cost = Money(request.cost_minor, request.currency) if key is None else key.cost
    return Outcome(
        row.lane, row.order_id, row.item_id, row.entitlement_id, move, problem,
        Money(request.share_minor, request.currency), cost, request.partner_id,
        None if key is None else key.expires_at,
    )  # fmt: skip
