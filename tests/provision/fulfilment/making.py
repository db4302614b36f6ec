"""Small makers for the tests of fulfilment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heyi.flows import deliver
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, millis
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Due, Offer, Part
from heyi.provision import fulfilment
from heyi.provision.fulfilment import Plan

LANE = 7
PHONE = AccountField("phone", "手机号", r"1\d{10}")


def part(
    now: datetime,
    *,
    kind: str = "top_up",
    supplier: UUID | None = None,
    source: str | None = None,
    due: Due | None = None,
    accounts: dict[str, str] | None = None,
    benefit: UUID | None = None,
    **more: Any,
) -> Part:
    """A part as the catalog would make it; a top-up of 视频会员 for 15.00 unless told otherwise."""
    ms = millis(now)
    where = source or ("supplier" if supplier else "stock" if kind == "card_key" else "own")
    return Part(
        component=more.pop("component", "video"),
        role="core",
        benefit_id=benefit or new_id(ms),
        benefit="video-month",
        title="视频会员月卡",
        kind=kind,
        partner_id=new_id(ms),
        share=Money(2000, "CNY"),
        due=due or Due("now"),
        offer=Offer(new_id(ms), where, supplier, more.pop("product_no", "1001"), Money(1500, "CNY")),
        fields=(PHONE,) if kind == "top_up" else (),
        accounts={"phone": "13800138000"} if accounts is None and kind == "top_up" else accounts or {},
        **more,
    )


def plan_of(now: datetime, one: Part, item_state: str = "delivering", *, order: UUID | None = None) -> Plan:
    ms = millis(now)
    return Plan(
        LANE, new_id(ms, LANE), new_id(ms, LANE), order or new_id(ms, LANE), new_id(ms, LANE), one, item_state,
        {"name": "王", "phone": "13800138000", "address": "上海"} if one.kind == "physical" else None,
    )  # fmt: skip


async def planned(tools: Tools, *parts: Part, state: str = "delivering", order: UUID | None = None) -> list[Plan]:
    """Tasks without orders behind them: items and rights of other contexts are left out silently."""
    plans = [plan_of(tools.clock.now(), one, state, order=order) for one in parts]
    async with tools.db.transaction() as tx:
        await fulfilment.plan(tx, plans, now=tools.clock.now())
    return plans


async def round_at(tools: Tools, supplier: UUID, *, most: int = 100) -> list[object]:
    """Claim, talk, record once; the answers."""
    errands, _ = await deliver.claim(tools, supplier, most=most)
    results = [await deliver.talk(tools, errand) for errand in errands]
    if results:
        await deliver.record(tools, results)
    return [result.answer for result in results]


async def task_of(tools: Tools, plan: Plan) -> Row:
    async with tools.db.reading() as tx:
        row = await tx.row("select * from fulfilment.tasks where id = %(id)s", id=plan.id)
    assert row is not None
    return row


async def attempts_of(tools: Tools, plan: Plan) -> Sequence[Row]:
    async with tools.db.reading() as tx:
        return await tx.rows("select * from fulfilment.attempts where task_id = %(id)s order by number", id=plan.id)


async def until(look: Callable[[], Awaitable[Any]], within_s: float = 10) -> Any:
    end = time.monotonic() + within_s
    while not (seen := await look()):
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)
    return seen


def forward(tools: Tools, **by: float) -> None:
    """Move the test's clock."""
    assert isinstance(tools.clock, FixedClock)
    tools.clock.forward(timedelta(**by))
