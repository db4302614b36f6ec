"""(d) the queue: what a claim costs with a thousand waiting tasks and with a million. It must not grow."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import UUID

from bench.report import say, table
from bench.stage import Stage
from bench.world import PHONE, PRODUCT_NO
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import LANES, new_ids
from heyi.kernel.money import Money
from heyi.kernel.parts import TOP_UP, Due, Offer, Part
from heyi.provision import fulfilment
from heyi.provision.fulfilment import Plan, claims, delivering
from heyi.provision.fulfilment.store import SQL

SMALL = 1_000
BATCH = 2_000
CLAIMED = 20
ROUNDS = 40


async def fill(tools: Tools, supplier_id: UUID, count: int) -> None:
    """Plan `count` top-ups, due since some time of the last hour, in the order in which they were planned."""
    now = tools.clock.now()
    chance, benefit, partner, offer = random.Random(count), *new_ids(millis(now), 3)
    part = Part(
        "video-month", "core", benefit, "video-month", "视频会员月卡", TOP_UP, partner, Money(2310, "CNY"), Due("now"),
        Offer(offer, "supplier", supplier_id, PRODUCT_NO, Money(1500, "CNY")), fields=(PHONE,),
        accounts={"phone": "13800138001"},
    )  # fmt: skip
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        plans: list[Plan] = []
        for _ in range(size):
            lane = chance.randrange(LANES)
            task, item, order, right = new_ids(millis(now), 4, lane)
            due = Due("scheduled", at=now - timedelta(milliseconds=count - len(plans) - start))
            plans.append(Plan(lane, task, item, order, right, replace(part, due=due), "scheduled"))
        async with tools.db.transaction() as tx:
            await fulfilment.plan(tx, plans, now=now)


async def measure(tools: Tools, supplier_id: UUID) -> dict[str, float]:
    """Median ms of claims of 20 (each its own committed transaction), and the buffers that the statement touches."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        async with tools.db.transaction() as tx:
            errands, _more = await delivering.claim(
                tx, tools.sealing, supplier_id, most=CLAIMED, public_url="http://127.0.0.1", now=tools.clock.now(),
                wall=tools.clock.wall(),
            )  # fmt: skip
        took.append(1000 * (time.perf_counter() - began))
        if len(errands) != CLAIMED:
            raise RuntimeError(f"{len(errands)} errands were claimed, not {CLAIMED}")
    plan = await _explained(tools, supplier_id)
    return {"claim_ms": median(took), "claim_ms_max": max(took)} | plan


async def _explained(tools: Tools, supplier_id: UUID) -> dict[str, float]:
    """What PostgreSQL did for one claim's statement, undone at once."""
    now = tools.clock.now()
    async with tools.db.rehearsal() as tx:
        await claims.lock_supplier(tx, supplier_id, wall=now)
        rows = await tx.rows(
            "explain (analyze, buffers, wal, format json) " + SQL["claim_submits"], supplier=supplier_id, most=CLAIMED,
            lease=supplier_id, until=now, now=now,
        )  # fmt: skip
    top = rows[0][0][0]
    return {
        "buffers": top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"],
        "buffers_read": top["Plan"]["Shared Read Blocks"], "page_images": top["Plan"].get("WAL FPI", 0),
        "rows_touched": max(_rows(top["Plan"])), "statement_ms": top["Execution Time"],
    }  # fmt: skip


def _rows(node: dict[str, Any]) -> list[float]:
    """Rows that each node of a plan looked at."""
    mine = node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
    return [mine, *[rows for child in node.get("Plans", ()) for rows in _rows(child)]]


def queue(stage: Stage, supplier_id: UUID, task_count: int) -> dict[str, Any]:
    """Measure with a small backlog, fill it up, measure again. The supplier must have slots for all rounds."""
    found: dict[str, dict[str, float]] = {}
    have = 0
    for size in (SMALL, task_count):
        say(f"  {size:,} waiting tasks")
        missing = size - have
        stage.tools(lambda tools, count=missing: fill(tools, supplier_id, count))  # type: ignore[misc]
        stage.execute("vacuum analyze fulfilment.tasks, fulfilment.attempts")
        found[f"{size:,}"] = stage.tools(lambda tools: measure(tools, supplier_id))
        have = size - ROUNDS * CLAIMED
    # After a checkpoint the first change of a page writes the whole page to the WAL; with a million tasks nearly every
    # claim is some page's first. This is the price of full_page_writes, paid once a checkpoint, not of the search.
    stage.execute("checkpoint")
    found[f"{task_count:,}, pages just checkpointed"] = stage.tools(lambda tools: measure(tools, supplier_id))
    names = ("claim_ms", "claim_ms_max", "statement_ms", "rows_touched", "buffers", "buffers_read", "page_images")
    table(
        f"(d) one claim of {CLAIMED} tasks (lock the account, claim, open attempts, commit)",
        (
            "waiting tasks",
            "median ms",
            "slowest ms",
            "statement ms",
            "rows touched",
            "buffers",
            "of them read",
            "page images",
        ),
        [(size, *[figures[name] for name in names]) for size, figures in found.items()],
    )
    return found
