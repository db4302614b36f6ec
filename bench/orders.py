"""(a) orders per second next to the ceiling, (a2) until every top-up is delivered, (b) from request to key in hand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg

from bench import ceiling, world
from bench.cpu import Meter
from bench.outside import Outside
from bench.report import medians, say, spread, table
from bench.stage import BenchError, Shape, Stage, run_load
from heyi.flows import buy
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused

CONCURRENCY = (8, 32, 64)
CEILING = "ceiling"  # the copy of the database that pgbench writes to
RATE = 200
OPEN_TASKS = (
    "select 1 from fulfilment.tasks where state = 'scheduled' and supplier_id is not null limit 1",
    "select 1 from fulfilment.tasks where lease is not null limit 1",
    "select 1 from fulfilment.tasks where state = 'asking' limit 1",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    runs: int = 5
    seconds: float = 5.0
    warm_s: float = 1.5
    keys_each: int = 500_000
    sold: int = 25_000
    open_s: float = 20.0
    task_count: int = 1_000_000
    import_rows: int = 1_000_000
    supplier_s: float = 10.0

    @classmethod
    def quick(cls) -> Plan:
        return cls(2, 2.0, 1.0, 100_000, 10_000, 5.0, 100_000, 100_000, 5.0)

    def with_runs(self, runs: int) -> Plan:
        return replace(self, runs=runs)


class Caller:
    """Sends orders to the web; no two runs use the same order numbers."""

    def __init__(self, made: world.World, port: int) -> None:
        self._made = made
        self._port = port
        self._runs = 0

    def run(self, how: str, *, connections: int, seconds: float, **more: object) -> dict[str, Any]:
        self._runs += 1
        return run_load(
            how=how, host="127.0.0.1", port=self._port, key=self._made.channel_key, bundle=world.FIVE,
            price_minor=world.PRICE_MINOR, prefix=f"r{self._port}-{self._runs:03d}", connections=connections,
            seconds=seconds, first_buyer=self._runs * 200_000, keys=2, **more,
        )  # fmt: skip


def prepare(stage: Stage, plan: Plan, supplier_id: UUID) -> world.World:
    """Fill the database; copy it for pgbench and give the copy its function."""
    say("preparing: partners, benefits, bundles, keys, money")
    made = stage.tools(lambda tools: world.make(tools, supplier_id, keys_each=plan.keys_each, sold=plan.sold))
    order_id = stage.tools(lambda tools: _sample(tools, made.channel_id))
    stage.execute("vacuum analyze")
    stage.postgres.create_database(CEILING, template=stage.database)
    with psycopg.connect(stage.postgres.url(CEILING), autocommit=True) as connection:
        ceiling.write_function(connection, order_id)
        connection.execute("vacuum analyze")
    return made


async def _sample(tools: Tools, channel_id: UUID) -> UUID:
    """One order of the five parts, as the door would place it."""
    answer = (await buy.buy(tools, [world.asked(channel_id, world.FIVE, 0)]))[0]
    if isinstance(answer, Refused):
        raise BenchError(f"the sample order was refused: {answer}")
    return answer[0].id


def throughput(stage: Stage, made: world.World, plan: Plan, shape: Shape) -> dict[str, Any]:
    """(a): heyi and the ceiling in turns, at every concurrency; no worker runs, so the top-up stays queued."""
    caller = Caller(made, stage.start_web(shape))
    roots = {"web": stage.running["web"].pid, "postgres": stage.postmaster()}
    heyi: dict[int, list[dict[str, float]]] = {c: [] for c in CONCURRENCY}
    top: dict[int, list[dict[str, float]]] = {c: [] for c in CONCURRENCY}
    for run in range(plan.runs):
        for c in CONCURRENCY:
            for side in ("heyi", "ceiling") if run % 2 == 0 else ("ceiling", "heyi"):
                stage.execute("checkpoint")
                if side == "heyi":
                    heyi[c].append(_measure_heyi(caller, roots, c, plan))
                else:
                    top[c].append(_measure_ceiling(stage, roots["postgres"], c, plan))
            say(f"  run {run + 1} c={c}: heyi {heyi[c][-1]['orders_per_s']:,.0f}/s,"
                f" ceiling {top[c][-1]['orders_per_s']:,.0f}/s")  # fmt: skip
    rows = _compare_rows(stage, caller)
    stage.stop("web")
    result = {
        "shape": str(shape),
        "heyi": {c: medians(runs) for c, runs in heyi.items()},
        "ceiling": {c: medians(runs) for c, runs in top.items()},
        "runs": {"heyi": heyi, "ceiling": top},
        "rows_per_order": rows,
    }
    _print_throughput(result, heyi, top)
    return result


def _measure_heyi(caller: Caller, roots: dict[str, int], connections: int, plan: Plan) -> dict[str, float]:
    caller.run("closed", connections=connections, seconds=plan.warm_s)
    meter = Meter(roots)
    got = caller.run("closed", connections=connections, seconds=plan.seconds)
    used = meter.used_s()
    return {
        "orders_per_s": got["orders_per_s"], "p50_ms": got["p50_ms"], "p99_ms": got["p99_ms"],
        "web_ms": 1000 * used["web"] / got["orders"], "postgres_ms": 1000 * used["postgres"] / got["orders"],
        "load_ms": 1000 * got["cpu_s"] / got["orders"],
    }  # fmt: skip


def _measure_ceiling(stage: Stage, postmaster: int, connections: int, plan: Plan) -> dict[str, float]:
    url = stage.postgres.url(CEILING)
    ceiling.run(url, connections=connections, seconds=plan.warm_s)
    meter = Meter({"postgres": postmaster})
    got = ceiling.run(url, connections=connections, seconds=plan.seconds)
    return {
        "orders_per_s": got["orders_per_s"], "postgres_ms": 1000 * meter.used_s()["postgres"] / got["orders"],
        "load_ms": 1000 * got["cpu_s"] / got["orders"],
    }  # fmt: skip


def _compare_rows(stage: Stage, caller: Caller) -> dict[str, tuple[float, float]]:
    """Rows per order on both sides, by counting every table before and after."""
    found = []
    for database, place in (
        (stage.database, lambda: caller.run("closed", connections=32, seconds=1.0)["orders"]),
        (CEILING, lambda: ceiling.run(stage.postgres.url(CEILING), connections=8, seconds=1)["orders"]),
    ):
        with psycopg.connect(stage.postgres.url(database), autocommit=True) as connection:
            before = ceiling.count_rows(connection)
            orders = place()
            after = ceiling.count_rows(connection)
        found.append({name: (after[name] - before[name]) / orders for name in after})
    return {name: (found[0][name], found[1][name]) for name in found[0] if found[0][name] or found[1][name]}


def _print_throughput(
    result: dict[str, Any], heyi: dict[int, list[dict[str, float]]], top: dict[int, list[dict[str, float]]]
) -> None:
    best = max(one["orders_per_s"] for one in result["ceiling"].values())
    result["ceiling_best"] = best
    result["ratio"] = {c: result["heyi"][c]["orders_per_s"] / best for c in CONCURRENCY}
    rows: list[Sequence[object]] = []
    for c in CONCURRENCY:
        ours, theirs = result["heyi"][c], result["ceiling"][c]
        rows.append((
            f"c = {c}", spread([run["orders_per_s"] for run in heyi[c]]),
            spread([run["orders_per_s"] for run in top[c]]), result["ratio"][c], ours["p50_ms"], ours["p99_ms"],
            ours["web_ms"], ours["postgres_ms"], ours["load_ms"], theirs["postgres_ms"],
        ))  # fmt: skip
    table(
        f"(a) orders per second over HTTP, {result['shape']}; ceiling: pgbench, one call and transaction per order",
        ("", "heyi /s", "ceiling /s", "heyi / best", "p50 ms", "p99 ms", "web ms", "PG ms", "load ms", "ceiling PG ms"),
        rows,
    )
    say("  medians (lowest-highest); CPU in ms per order; heyi / best: against the ceiling's best of all c")
    table("rows per order, counted", ("", "heyi", "ceiling"),
          [(name, ours, theirs) for name, (ours, theirs) in result["rows_per_order"].items()])  # fmt: skip


def delivered(stage: Stage, made: world.World, plan: Plan, shape: Shape, outside: Outside) -> dict[str, Any]:
    """(a2): the same with worker and simulator, until every top-up is delivered."""
    caller = Caller(made, stage.start_web(shape))
    outside.start_worker()
    runs = []
    for run in range(plan.runs):
        drain(stage)
        stage.execute("checkpoint")
        roots = {"web": stage.running["web"].pid, "postgres": stage.postmaster(),
                 "worker": stage.running["worker"].pid, "simulator": stage.running["simulator"].pid}  # fmt: skip
        meter, began = Meter(roots), time.monotonic()
        got = caller.run("closed", connections=32, seconds=plan.seconds)
        drain(stage)
        lasted, used = time.monotonic() - began, meter.used_s()
        runs.append(
            {"placed_per_s": got["orders_per_s"], "delivered_per_s": got["orders"] / lasted, "orders": got["orders"],
             "load_ms": 1000 * got["cpu_s"] / got["orders"]}
            | {f"{name}_ms": 1000 * seconds / got["orders"] for name, seconds in used.items()}
        )  # fmt: skip
        say(f"  run {run + 1}: {got['orders']:,} orders, placed {runs[-1]['placed_per_s']:,.0f}/s,"
            f" all delivered {runs[-1]['delivered_per_s']:,.0f}/s")  # fmt: skip
    stage.stop("web", "worker")
    names = ("web", "worker", "postgres", "simulator", "load")
    found = medians(runs)
    table(
        f"(a2) orders until every top-up is delivered, c = 32, {shape}, one worker",
        ("", "placed /s", "delivered /s", *[f"{name} ms" for name in names]),
        [("median", spread([run["placed_per_s"] for run in runs]), spread([run["delivered_per_s"] for run in runs]),
          *[found[f"{name}_ms"] for name in names])],
    )  # fmt: skip
    return {"medians": found, "runs": runs}


def drain(stage: Stage, within_s: float = 600) -> None:
    """Wait until no task is open; looks only where the partial indexes of the queue are, so that it costs nothing."""
    until = time.monotonic() + within_s
    with psycopg.connect(stage.url, autocommit=True) as connection:
        connection.execute("set enable_seqscan = off")
        while any(connection.execute(query.encode()).fetchone() for query in OPEN_TASKS):
            if time.monotonic() > until:
                raise BenchError(f"top-ups are still open after {within_s:.0f} s")
            time.sleep(0.1)
        found = connection.execute(
            "select count(*) from fulfilment.tasks where state <> 'delivered' and supplier_id is not null"
        ).fetchone()
        if found and found[0]:
            raise BenchError(f"{found[0]} top-ups were not delivered, though the supplier is well")


def in_hand(stage: Stage, made: world.World, plan: Plan, shape: Shape, outside: Outside) -> dict[str, Any]:
    """(b): 200 orders a second arrive by chance; each one's keys are revealed at once."""
    caller = Caller(made, stage.start_web(shape))
    outside.start_worker()
    drain(stage)
    caller.run("open", connections=16, seconds=2.0, rate=RATE, seed=0)
    runs = [
        caller.run("open", connections=16, seconds=plan.open_s, rate=RATE, seed=1 + run) for run in range(plan.runs)
    ]
    stage.stop("web", "worker")
    figures = [{name: run[name] for name in ("p50_ms", "p99_ms", "orders_per_s")} for run in runs]
    table(
        f"(b) from request to key in hand at {RATE} orders/s, open arrivals, {shape}",
        ("", "orders/s", "p50 ms", "p99 ms"),
        [("median", spread([f["orders_per_s"] for f in figures], 1), spread([f["p50_ms"] for f in figures], 1),
          spread([f["p99_ms"] for f in figures], 1))],
    )  # fmt: skip
    return {"medians": medians(figures), "runs": figures}
