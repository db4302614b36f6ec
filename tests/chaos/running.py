"""One round of chaos, and what it has to say."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.chaos import suppliers
from tests.chaos.checks import check, settle
from tests.chaos.storm import FRESH_KEYS, Storm
from tests.stack import Stack

# Short time-outs, so that what was lost is found again soon.
SUPPLIERS = {"timeout_ms": 700, "typical_ms": 50, "slots": 30}


def round_of_chaos(seed: int, orders: int, say: Callable[[str], None]) -> None:
    """A fresh heyi, a storm, quiet, and every check."""
    say(f"chaos: seed {seed}, {orders} orders (again: HEYI_CHAOS_SEED={seed})")
    started = time.monotonic()
    with Stack(webs=2, workers=2, keys=max(20, int(orders * FRESH_KEYS)), suppliers=SUPPLIERS) as stack:
        suppliers.add_to(stack)
        endpoint = stack.channel.post("/webhook_endpoints", {"url": f"{stack.simulator_url}/receiver/chaos"})
        stack.world.put(
            "receivers/chaos", {"secret": endpoint["secret"], "fail": {"status": 500, "times": orders // 10}}
        )
        ready = time.monotonic()
        told = Storm(stack, seed=seed, orders=orders).run()
        over = time.monotonic()
        healing = settle(stack)
        settled = time.monotonic()
        ends = check(stack, told, orders)
        say(f"chaos: up {ready - started:.0f} s, storm {over - ready:.0f} s, settled {settled - over:.0f} s, "
            f"checked {time.monotonic() - settled:.0f} s")  # fmt: skip
        say(f"chaos: killed {dict(told.kills)}, answers {dict(told.tries)}, redeemed {told.redeemed}")
        say(f"chaos: items {dict(sorted(ends.items()))}")
        say(f"chaos: {healing.count} unknown attempts healed, median {healing.median_s:.2f} s, "
            f"p99 {healing.p99_s:.2f} s; {healing.open} not before the clock was moved")  # fmt: skip
