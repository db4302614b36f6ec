"""The worker's round at a supplier: claim (commit) → talk → record (commit)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx
from heyi.infra.http import Heard
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_id, new_ids
from heyi.kernel.talk import Answer, Cure, Declined, Delivered, Failed, Talk, Unknown
from heyi.provision.fulfilment import (
    board,
    charging,
    claims,
    facts,
    limits,
    masking,
    model,
    pulse,
    rules,
    store,
)
from heyi.provision.fulfilment.connectors import usable
from heyi.provision.fulfilment.errand import (
    Account,
    AttemptChange,
    Errand,
    Loss,
    Outcome,
    Result,
    Ruling,
    Standing,
    TaskChange,
)
from heyi.provision.fulfilment.model import ATTEMPT, TASK, Request, outer_number
from heyi.provision.fulfilment.routing import Routes
from heyi.provision.fulfilment.suppliers import Order

_request = msgspec.json.Decoder(Request).decode
CLAIM_MAX = 256  # errands a claim takes at most, whatever the slots


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a group of results asks of the other contexts, and tells."""

    outcomes: list[Outcome]
    facts: list[Fact]
    losses: list[Loss]


async def with_work(tx: Tx, *, now: datetime) -> list[UUID]:
    """Supplier accounts that have something due."""
    return await claims.with_work(tx, now=now)


async def claim(
    tx: Tx,
    sealing: Sealing,
    supplier: UUID,
    *,
    most: int,
    public_url: str,
    now: datetime,
    wall: datetime,
    ended: Mapping[UUID, UUID] = MappingProxyType({}),
    held: int = 0,
    ahead: int = 0,
    looks: int | None = None,
) -> tuple[list[Errand], bool]:
    """Take up to `most` errands of one account, within its free slots; none while another worker is claiming there.

    The second answer says whether the limit was reached, so that more may be due. Queries come before purchases, but
    leave them a quarter. Everything is committed before a byte is sent. An account that no connector can speak for is
    left alone. `looks`: at most so many later looks. `ended`: tasks of ours (with their leases) whose talk is over and
    not recorded yet; they take no slot. `ahead`: so many may be ours beyond the free slots (marked so, to begin when a
    talk of ours ends there); `held`: those that we have already.
    """
    row, taken, sending = await claims.lock_supplier(tx, supplier, wall=wall, ended=ended)
    if row is None:
        return [], True
    slots = max(0, min(most, row.slots - (taken - held)))
    free = min(slots + max(0, ahead - held), CLAIM_MAX)
    if not free:
        return [], True
    account = await usable(tx, row, sealing, public_url)
    if account is None:
        return [], False
    room = limits.room(row, free, sending, wall)
    if not (room.queries or room.submits):
        return [], True
    length = rules.lease_for(account.timeout_ms)
    lease, until, again = new_id(millis(wall)), wall + length, now + length
    errands: list[Errand] = []
    if room.queries:
        most = min(room.queries, max(1, free - free // 4))
        queries = await claims.queries(tx, supplier, most=most, lease=lease, until=until, now=now, again=again)
        errands = [_asking("query", account, one, lease, until) for one in queries]
        if queries and account.connector.repeats and room.submits and row.breaker == "closed":
            errands = [replace(one, may_repeat=True) for one in errands]
            await claims.may_go_out(tx, errands, until=until)
    asked = len(errands)
    if submitted := min(room.submits, room.calls - asked, free - asked):
        submits = await claims.submits(tx, supplier, most=submitted, lease=lease, until=until, now=now)
        errands += await _submitting(tx, account, submits, lease, until, now)
    left = min(room.queries - asked, room.calls - len(errands), free - len(errands))
    if left := left if looks is None else min(left, looks):
        rechecks = await claims.rechecks(tx, supplier, most=left, now=now, again=again)
        errands += [_asking("recheck", account, one, lease, until) for one in rechecks]
    if room.limited and errands:
        asking = sum(1 for one in errands if one.verb != "submit")
        await claims.spend_tokens(tx, supplier, *room.left(len(errands), asking), wall=wall)
    errands[slots:] = [replace(one, ahead=True) for one in errands[slots:]]
    return errands, len(errands) >= min(free, room.calls)


def _asking(verb: str, account: Account, row: Row, lease: UUID, until: datetime) -> Errand:
    return Errand(
        verb, account, row.lane, row.id, row.item_id, row.order_id, row.entitlement_id, row.benefit_id, row.kind,
        _request(row.request), row.attempt_id, row.number, row.outer_number, lease, until, row.sent_until,
        row.accepted, row.queries, row.submits, row.rechecks, row.supplier_number or "", row.offer_id,
    )  # fmt: skip


async def _submitting(
    tx: Tx, account: Account, rows: Sequence[Row], lease: UUID, until: datetime, now: datetime
) -> list[Errand]:
    fresh = [row for row in rows if not row.resubmit]
    again = [row for row in rows if row.resubmit]
    known = await claims.reopen_attempts(tx, again, until=until) if again else {}
    requests = {row.id: _request(row.request) for row in rows}
    ids = {row.id: new_id(millis(now), row.lane) for row in fresh}
    opened = [
        (row, ids[row.id], outer_number(row.item_id, row.number), requests[row.id].product_no,
         requests[row.id].currency, requests[row.id].cost_minor)
        for row in sorted(fresh, key=lambda row: (row.lane, row.id))
    ]  # fmt: skip
    if opened:
        await claims.open_attempts(tx, account.id, opened, now=now, until=until)
    # Accepted meanwhile after all: it must not go out again, only be asked about.
    heard_of = [row for row in again if row.id not in known]
    if heard_of:
        await store.save_tasks(
            tx, [TaskChange(r.lane, r.id, model.SENDING, model.ASKING, now) for r in heard_of], now=now
        )

    def errand(row: Row, attempt: UUID, submits: int) -> Errand:
        return Errand(
            "submit", account, row.lane, row.id, row.item_id, row.order_id, row.entitlement_id, row.benefit_id,
            row.kind, requests[row.id], attempt, row.number, outer_number(row.item_id, row.number), lease, until,
            until, submits=submits, offer_id=row.offer_id,
        )  # fmt: skip

    return [errand(row, ids[row.id], 1) for row in fresh] + [
        errand(row, known[row.id].id, known[row.id].submits) for row in again if row.id in known
    ]


def talk(errand: Errand, wall: datetime) -> Talk:
    """The talk that an errand asks for; one without calls when nothing may or need be sent."""
    if not rules.may_still_call(errand.lease_until, errand.account.timeout_ms, wall):
        return _at_once(Unknown("too little lease left to begin"))
    dialect, request = errand.account.connector, errand.request
    if errand.verb != "submit":
        sent_at = errand.sent_until - rules.lease_for(errand.account.timeout_ms)
        repeats = errand.may_repeat and not errand.barred
        order = Order(errand.outer_number, errand.kind, request, wall, sent_at, errand.supplier_number, repeats)
        return dialect.query(errand.account, order)
    if errand.barred:
        return _at_once(Declined(errand.barred, Cure.OTHER_OFFER))
    if request.missing:
        return _at_once(Declined(f"account {', '.join(request.missing)}", Cure.ASK_BUYER))
    if errand.kind not in dialect.kinds:
        return _at_once(Declined("request 供货商协议不支持此类权益", Cure.PERSON))
    return dialect.submit(errand.account, Order(errand.outer_number, errand.kind, request, wall))


def _at_once(answer: Answer) -> Talk:
    yield from ()
    return answer


def finish(errand: Errand, answer: Answer, heard: Sequence[Heard], at: datetime) -> Result:
    """A talk's end with its exchanges, masked: from here on nothing secret is in them (cards stay in `answer`). A
    purchase for which there was no connection was never sent: nobody need ask about it."""
    if errand.verb == "submit" and isinstance(answer, Unknown) and heard and not heard[0].sent:
        answer = Declined(f"unreachable 连接不上供货商 ({heard[0].error})", Cure.OTHER_OFFER)
    exchanges = masking.exchanges(errand.account, heard, at, answer=answer, known_number=errand.supplier_number)
    if isinstance(answer, Declined | Failed | Unknown) and heard:
        hidden, keys = errand.account.connector.hidden, masking.keys_of(errand.account)
        answer = replace(answer, why=masking.masked(answer.why, heard[0].call.secrets, hidden, keys))
    return Result(errand, answer, exchanges)


async def late(tx: Tx, results: Sequence[Result]) -> set[UUID]:
    """The tasks among these that had ended by another number, or otherwise: what is delivered now comes too late."""
    standing = await store.lock_standing(tx, results)
    return {
        r.errand.task_id
        for r in results
        if (was := standing.get(r.errand.attempt_id)) is not None
        and was.state in model.ENDED
        and was.attempt_state != "delivered"
    }


def spoiled(results: Sequence[Result], items: Collection[UUID]) -> list[Result]:
    """The supplier handed over cards that others have already: these items are not delivered; a person must look."""
    why = "repeated_card 供货商给出的卡密已属于别的订单"
    return [
        replace(r, answer=Failed(why, Cure.PERSON, r.answer.supplier_number), spoiled=r.answer)
        if isinstance(r.answer, Delivered) and r.errand.item_id in items else r
        for r in results
    ]  # fmt: skip


async def record(
    tx: Tx, results: Sequence[Result], ways: Mapping[UUID, Routes], *, now: datetime, wall: datetime
) -> Recorded:
    """Move tasks and attempts by the results of their talks (one result a task). Results of a lost lease move nothing
    but are kept, and a delivery heard late still counts. `ways`: where tasks may go after a definite no."""
    standing = await store.lock_standing(tx, results)
    ruled = [
        (r, was, rules.fallen(r.errand, rules.decide(r, was, wall, ways.get(r.errand.task_id, Routes()))))
        for r in results
        if (was := standing.get(r.errand.attempt_id)) is not None
    ]
    tasks = [_task_change(r, was, ruling, now) for r, was, ruling in ruled if ruling.move is not None]
    overtaken = [r.errand for r, was, ruling in ruled if ruling.move == "deliver" and was.attempts != r.errand.number]
    calls = [(r.errand, exchange) for r in results for exchange in r.exchanges]
    async with tx.pipeline():
        if tasks:
            await store.save_tasks(tx, tasks, now=now)
        await store.save_attempts(tx, [_attempt_change(r, was, ruling, now) for r, was, ruling in ruled], now=now)
        if calls:
            await store.keep_calls(tx, new_ids(millis(now), len(calls)), calls)
        if overtaken:
            await store.recheck_overtaken(tx, overtaken, at=now)
        if beats := pulse.of(ruled, wall):
            await board.beat(tx, beats, writer=results[0].errand.attempt_id.int & 15)
        if said := pulse.shelves(ruled):
            await board.say_of_shelves(tx, said, wall=wall)
    return Recorded(
        [charging.outcome(r, was, ruling) for r, was, ruling in ruled if ruling.item is not None],
        [fact for r, _, ruling in ruled for fact in facts.of_ruling(r.errand, ruling)],
        charging.losses(ruled),
    )


def _task_change(result: Result, was: Standing, ruling: Ruling, now: datetime) -> TaskChange:
    after = TASK.step(was.state, ruling.move or "")
    assert after is not None, (was.state, ruling.move)
    due_at = None if ruling.wait_ms is None else now + timedelta(milliseconds=ruling.wait_ms)
    errand = result.errand
    return TaskChange(
        errand.lane, errand.task_id, was.state, after, due_at, ruling.problem, ruling.move == "resend", ruling.route
    )


def _attempt_change(result: Result, was: Standing, ruling: Ruling, now: datetime) -> AttemptChange:
    answer = result.answer
    state = ATTEMPT.step(was.attempt_state, ruling.attempt) if ruling.attempt else None
    return AttemptChange(
        result.errand.lane,
        result.errand.attempt_id,
        state or was.attempt_state,
        getattr(answer, "supplier_number", None),
        getattr(answer, "cost_minor", None),
        getattr(answer, "why", None),
        None if ruling.recheck_ms is None else now + timedelta(milliseconds=ruling.recheck_ms),
        ruling.difference,
        result.errand.verb == "recheck",
        # Answered: what went out with this talk is under way no longer, and the sending before it counts again.
        result.errand.sent_until
        if result.errand.may_repeat and ruling.move is not None and not isinstance(answer, Unknown)
        else None,
    )


def begun(errands: Sequence[Errand]) -> list[Outcome]:
    """Items that were scheduled until now begin to be delivered."""
    return [Outcome(e.lane, e.order_id, e.item_id, e.entitlement_id, "start") for e in errands if e.begins]


async def rescue(tx: Tx, *, most: int, now: datetime, wall: datetime) -> int:
    """Tasks whose worker was lost while it talked: from now on they are asked about. Answers how many."""
    return len(await claims.rescue(tx, most=most, now=now, wall=wall))
