"""`python -m bench a|a2|b|c|d|e|f|servers|all [--quick] [--json FILE]`. An error means that something failed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from bench import backlog, import_keys, orders, suppliers
from bench.orders import Plan
from bench.outside import Outside
from bench.report import say, table
from bench.stage import BenchError, Shape, fresh_stage

BENCHES = ("a", "a2", "b", "c", "d", "e", "f")
SHAPES = (Shape("uvicorn", 1), Shape("uvicorn", 2), Shape("granian", 1), Shape("granian", 2))


def main() -> int:
    """The command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed, measured; see docs/performance.md.")
    parser.add_argument("which", nargs="*", choices=(*BENCHES, "servers", "all"), default="all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, to see that it works")
    parser.add_argument("--runs", type=int, help="how many interleaved runs (5)")
    parser.add_argument("--server", choices=("uvicorn", "granian"), default="uvicorn")
    parser.add_argument("--processes", type=int, default=2, help="web processes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every run there")
    told = parser.parse_args()
    which = [told.which] if isinstance(told.which, str) else list(dict.fromkeys(told.which))
    which = list(BENCHES) if "all" in which else which
    plan = Plan.quick() if told.quick else Plan()
    if told.runs:
        plan = plan.with_runs(told.runs)
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"{plan.runs} runs, medians (lowest-highest)")  # fmt: skip
    result: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg(), "runs": plan.runs}
    began = time.monotonic()
    try:
        run(which, plan, Shape(told.server, told.processes), result)
    except (BenchError, RuntimeError) as error:
        say(f"\nfailed: {error}")
        return 1
    finally:
        result["took_s"] = time.monotonic() - began
        if told.json:
            told.json.write_text(json.dumps(result, indent=1, default=str), encoding="utf-8")
    say(f"\nall of it took {result['took_s']:.0f} s")
    return 0


def run(which: list[str], plan: Plan, shape: Shape, result: dict[str, Any]) -> None:
    """Run these benches; figures go into `result` as they come."""
    if {"a", "a2", "b", "servers"} & set(which):
        with fresh_stage() as stage:
            outside = Outside(stage)
            made = orders.prepare(stage, plan, outside.supplier_id)
            if "a" in which:
                result["a"] = orders.throughput(stage, made, plan, shape)
            if "servers" in which:
                result["servers"] = [orders.throughput(stage, made, plan, one) for one in SHAPES]
            if "a2" in which:
                result["a2"] = orders.delivered(stage, made, plan, shape, outside)
            if "b" in which:
                result["b"] = orders.in_hand(stage, made, plan, shape, outside)
    if "c" in which:
        with fresh_stage() as stage:
            found = result["c"] = import_keys.run(stage.url, plan.import_rows, plan.runs)
        table("(c) import of card keys from CSV", tuple(found), [tuple(found.values())])
    if "d" in which:
        with fresh_stage() as stage:
            result["d"] = backlog.queue(stage, Outside(stage, slots=100_000).supplier_id, plan.task_count)
    for which_one, bench in (("e", suppliers.throughput), ("f", suppliers.isolation)):
        if which_one in which:
            with fresh_stage() as stage:
                result[which_one] = bench(stage, Outside(stage), plan.supplier_s, plan.runs)


if __name__ == "__main__":
    sys.exit(main())
