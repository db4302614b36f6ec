"""The only SQL of fulfilment; everything is set-based, and multi-row writes are sorted by key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Tx, col, queries, text_col, time_col
from heyi.provision.fulfilment.errand import AttemptChange, Errand, Exchange, Result, Standing, TaskChange
from heyi.provision.fulfilment.model import Plan, Request

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode


async def plan(
    tx: Tx, plans: Sequence[tuple[Plan, str, datetime | None, Request, str | None]], *, now: datetime
) -> None:
    """Insert tasks: (plan, state, due, request, problem) each. Pipeline-safe."""
    rows = sorted(plans, key=lambda one: (one[0].lane, one[0].id))
    parts = [one[0].part for one in rows]
    await tx.send(
        SQL["plan"],
        lanes=col(p.lane for p, *_ in rows),
        ids=col(p.id for p, *_ in rows),
        items=col(p.item_id for p, *_ in rows),
        orders=col(p.order_id for p, *_ in rows),
        entitlements=col(p.entitlement_id for p, *_ in rows),
        kinds=col(part.kind for part in parts),
        benefits=col(part.benefit_id for part in parts),
        offers=col(part.offer.id for part in parts),
        suppliers=col(part.offer.supplier_id for part in parts),
        states=col(state for _, state, *_ in rows),
        dues=time_col(due for _, _, due, *_ in rows),
        components=text_col(part.due.component for part in parts),
        events=text_col(part.due.event for part in parts),
        otherwises=text_col(part.due.otherwise for part in parts),
        requests=text_col(_encode(request).decode() for *_, request, _ in rows),
        problems=text_col(problem for *_, problem in rows),
        now=now,
    )


async def lock_standing(tx: Tx, results: Sequence[Result]) -> dict[UUID, Standing]:
    """Tasks and attempts as they are now, by attempt; locked until the transaction ends."""
    rows = await tx.rows(
        SQL["lock_standing"],
        lanes=col(r.errand.lane for r in results),
        ids=col(r.errand.task_id for r in results),
        attempts=col(r.errand.attempt_id for r in results),
    )
    return {
        r.attempt_id: Standing(
            r.state, r.lease, r.attempts, r.heard, r.attempt_state, r.offer_id, r.product_no, r.started_at, r.cost_minor
        )
        for r in rows
    }


async def save_tasks(tx: Tx, changes: Sequence[TaskChange], *, now: datetime) -> None:
    """Move tasks from the state they were locked in. Pipeline-safe."""
    rows = sorted(changes, key=lambda one: (one.lane, one.id))
    await tx.send(
        SQL["save_tasks"],
        lanes=col(r.lane for r in rows),
        ids=col(r.id for r in rows),
        befores=col(r.before for r in rows),
        afters=col(r.after for r in rows),
        dues=time_col(r.due_at for r in rows),
        problems=text_col(r.problem for r in rows),
        resubmits=col(r.resubmit for r in rows),
        suppliers=col(r.route.supplier_id if r.route else None for r in rows),
        offers=col(r.route.id if r.route else None for r in rows),
        products=text_col(r.route.product_no if r.route else None for r in rows),
        costs=col(r.route.cost.amount_minor if r.route else None for r in rows),
        now=now,
    )


async def save_attempts(tx: Tx, changes: Sequence[AttemptChange], *, now: datetime) -> None:
    """What became of attempts. Pipeline-safe."""
    rows = sorted(changes, key=lambda one: (one.lane, one.id))
    await tx.send(
        SQL["save_attempts"],
        lanes=col(r.lane for r in rows),
        ids=col(r.id for r in rows),
        states=col(r.state for r in rows),
        supplier_numbers=text_col(r.supplier_number for r in rows),
        costs=col(r.cost_minor for r in rows),
        whys=text_col(r.why for r in rows),
        rechecks=time_col(r.recheck_at for r in rows),
        differences=col(r.difference for r in rows),
        rechecked=col(r.rechecked for r in rows),
        sent_untils=time_col(r.sent_until for r in rows),
        now=now,
    )


async def recheck_overtaken(tx: Tx, errands: Sequence[Errand], *, at: datetime) -> None:
    """Other numbers of these ended tasks that may still be under way. Pipeline-safe."""
    rows = sorted(errands, key=lambda one: (one.lane, one.task_id))
    await tx.send(
        SQL["recheck_overtaken"],
        lanes=col(r.lane for r in rows),
        orders=col(r.order_id for r in rows),
        tasks=col(r.task_id for r in rows),
        at=at,
    )


async def keep_calls(tx: Tx, ids: Sequence[UUID], kept: Sequence[tuple[Errand, Exchange]]) -> None:
    """Exchanges with their errands; one id each. Pipeline-safe."""
    await tx.send(
        SQL["keep_calls"],
        lanes=col(e.lane for e, _ in kept),
        ids=col(ids),
        attempts=col(e.attempt_id for e, _ in kept),
        verbs=col(e.verb for e, _ in kept),
        methods=col(x.method for _, x in kept),
        urls=text_col(x.url for _, x in kept),
        requests=text_col(x.request for _, x in kept),
        statuses=col(x.status for _, x in kept),
        responses=text_col(x.response for _, x in kept),
        errors=text_col(x.error for _, x in kept),
        durations=col(x.duration_ms for _, x in kept),
        ats=time_col(x.at for _, x in kept),
        suppliers=col(e.account.id for e, _ in kept),
        profiles=col(e.account.profile_id for e, _ in kept),
        headers=text_col(x.headers for _, x in kept),
        signed=text_col(x.signed for _, x in kept),
        answered=text_col(x.answered for _, x in kept),
        verdicts=col(x.verdict for _, x in kept),
        numbers=text_col(x.supplier_number for _, x in kept),
        troubled=col(x.troubled for _, x in kept),
    )
