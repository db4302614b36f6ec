"""(e) a worker against a supplier that takes 200 ms for each call, and (f) what a slow supplier does to the others."""

from __future__ import annotations

import asyncio
import time
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from bench.backlog import fill
from bench.outside import Outside
from bench.report import say, spread, table
from bench.stage import BenchError, Stage
from heyi.infra.tools import Tools

DELAY_MS = 200
SLOTS = (20, 40, 80)
WARM_S, PATIENCE_S = 2.0, 120.0
FAST_PER_S, TICKS_PER_S = 40, 10
SLOW_DELAY_MS, SLOW_SLOTS = 1_500, 50
# As heyi saw it, from the first byte sent to the last one read.
LATENCY_MS = """select avg(duration_ms) from fulfilment.calls
    where at > (select max(at) from fulfilment.calls) - make_interval(secs => %s)"""
UNFINISHED = """select not exists (
    select from fulfilment.tasks where supplier_id = %s and created_at >= %s and ended_at is null)"""
TOOK_MS = """select 1000 * extract(epoch from ended_at - created_at) from fulfilment.tasks
    where supplier_id = %s and created_at >= %s"""


def throughput(stage: Stage, outside: Outside, seconds: float, runs: int) -> dict[str, Any]:
    """(e): calls a second with a full queue, next to what the supplier's limit allows: slots / latency."""
    outside.control("PUT", "kasushou", {"work_ms": 50, "callback_resends": 0})
    _faults(outside, "kasushou", {"fault": "delay", "on": "any", "delay_ms": DELAY_MS}, {"fault": "no_callback"})
    outside.start_worker()
    found: dict[int, list[dict[str, float]]] = {slots: [] for slots in SLOTS}
    for run in range(runs):
        for slots in SLOTS if run % 2 == 0 else reversed(SLOTS):
            stage.ask("update fulfilment.suppliers set slots = %s where code = 'kasushou' returning id", slots)
            found[slots].append(_one(stage, outside, slots, seconds))
    stage.stop("worker")
    table(
        f"(e) one worker and a supplier that takes {DELAY_MS} ms for each call, {runs} runs of {seconds:.0f} s",
        ("slots", "limit calls/s", "calls/s", "of the limit", "a call took ms", "of slots / that", "purchases/s"),
        [
            (slots, slots * 1000 / DELAY_MS, spread([r["calls_per_s"] for r in rows]),
             f"{median(r['share'] for r in rows):.0%}", spread([r["latency_ms"] for r in rows]),
             f"{median(r['share_measured'] for r in rows):.0%}", spread([r["submits_per_s"] for r in rows]))
            for slots, rows in found.items()
        ],
    )  # fmt: skip
    return {str(slots): rows for slots, rows in found.items()}


def _one(stage: Stage, outside: Outside, slots: int, seconds: float) -> dict[str, float]:
    limit = slots * 1000 / DELAY_MS
    stage.tools(lambda tools: fill(tools, outside.supplier_id, int(limit * (seconds + WARM_S))))
    time.sleep(WARM_S)
    before, began = _received(outside, "kasushou"), time.monotonic()
    time.sleep(seconds)
    after, lasted = _received(outside, "kasushou"), time.monotonic() - began
    latency_ms = float(stage.ask(LATENCY_MS, lasted)[0][0])
    submits, queries = ((after.get(verb, 0) - before.get(verb, 0)) / lasted for verb in ("order/buy", "order/info"))
    stage.execute("update fulfilment.tasks set due_at = due_at + interval '1 year' where state = 'scheduled'")
    _wait_until(stage, "select not exists (select from fulfilment.tasks where state in ('sending', 'asking'))")
    say(f"  {slots} slots: {submits + queries:,.0f} of {limit:,.0f} calls/s; a call took {latency_ms:.0f} ms")
    return {"calls_per_s": submits + queries, "submits_per_s": submits, "share": (submits + queries) / limit,
            "latency_ms": latency_ms, "share_measured": (submits + queries) * latency_ms / 1000 / slots}  # fmt: skip


def isolation(stage: Stage, outside: Outside, seconds: float, runs: int) -> dict[str, Any]:
    """(f): from due to delivered at a fast supplier, alone and beside a slow one with a long queue; interleaved."""
    slow = outside.open("slow", slots=SLOW_SLOTS)
    _faults(outside, "slow", {"fault": "delay", "on": "any", "delay_ms": SLOW_DELAY_MS}, {"fault": "no_callback"})
    outside.control("PUT", "kasushou", {"work_ms": 50, "callback_resends": 0})
    _faults(outside, "kasushou", {"fault": "delay", "on": "any", "delay_ms": 20}, {"fault": "no_callback"})
    stage.execute("update fulfilment.suppliers set slots = 50, typical_ms = 100")
    outside.start_worker()
    took: dict[str, list[dict[str, float]]] = {"alone": [], "beside a slow one": []}
    for run in range(runs):
        for way in took if run % 2 == 0 else reversed(took):
            waiting = 20 * SLOW_SLOTS if way != "alone" else 0
            state = "active" if waiting else "paused"
            stage.ask("update fulfilment.suppliers set state = %s where code = 'slow' returning id", state)
            if waiting:
                stage.tools(lambda tools, count=waiting: fill(tools, slow, count))  # type: ignore[misc]
            took[way].append(_latencies(stage, outside.supplier_id, seconds))
            say(f"  {way}: p50 {took[way][-1]['p50_ms']:,.0f} ms, p99 {took[way][-1]['p99_ms']:,.0f} ms")
    stage.stop("worker")
    table(
        f"(f) from due to delivered at a fast supplier, {FAST_PER_S}/s, {runs} interleaved runs of {seconds:.0f} s, ms",
        ("", "p50", "p99"),
        [(way, spread([r["p50_ms"] for r in rows]), spread([r["p99_ms"] for r in rows])) for way, rows in took.items()],
    )
    return took


def _latencies(stage: Stage, supplier: UUID, seconds: float) -> dict[str, float]:
    async def arriving(tools: Tools) -> Any:
        began = tools.clock.now()
        for tick in range(int(seconds * TICKS_PER_S)):
            await fill(tools, supplier, FAST_PER_S // TICKS_PER_S)
            await asyncio.sleep(max(0.0, (tick + 1) / TICKS_PER_S - (tools.clock.now() - began).total_seconds()))
        return began

    began = stage.tools(arriving)
    _wait_until(stage, UNFINISHED, supplier, began)
    rows = stage.ask(TOOK_MS, supplier, began)
    cuts = quantiles([float(value) for (value,) in rows], n=100, method="inclusive")
    return {"p50_ms": cuts[49], "p99_ms": cuts[98], "count": len(rows)}


def _wait_until(stage: Stage, question: str, *values: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while not stage.ask(question, *values)[0][0]:
        if time.monotonic() > end:
            raise BenchError(f"waited {PATIENCE_S:.0f} s in vain: {question}")
        time.sleep(0.1)


def _received(outside: Outside, name: str) -> dict[str, int]:
    told: dict[str, int] = outside.control("GET", name)["received"]
    return told


def _faults(outside: Outside, name: str, *rules: dict[str, object]) -> None:
    outside.control("PUT", f"{name}/faults", list(rules))
