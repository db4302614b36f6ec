"""The worker process: everything that happens after an order is placed. `python -m heyi.app.worker` runs it.

Start as many as you like, anywhere: tasks, slots, facts and webhooks are leased in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import structlog

from heyi.app.wiring import open_tools
from heyi.flows import poll, relay, rounds, send
from heyi.infra import telemetry
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools

CONNECTIONS_MAX = 12
AFTER_CRASH_S = 1.0
Loop = Callable[[Tools, asyncio.Event], Awaitable[None]]

# What a worker does, in the order life happens.
LOOPS: tuple[tuple[str, Loop], ...] = (
    ("supplier rounds", rounds.run_rounds),
    ("own hands", rounds.run_own_hands),
    ("care", rounds.run_care),
    ("relay", relay.run_relay),
    ("jobs", relay.run_jobs),
    ("webhooks", send.run_webhooks),
    ("status polls", poll.run_polls),
)
log = structlog.get_logger("heyi.worker")


async def run(tools: Tools, stop: asyncio.Event) -> None:
    """Run all loops until `stop` is set; each then finishes what it has begun. A loop that crashes starts again."""
    log.info("worker started", loops=[name for name, _ in LOOPS])
    await asyncio.gather(*[_kept_alive(name, loop, tools, stop) for name, loop in LOOPS])
    log.info("worker stopped")


async def _kept_alive(name: str, loop: Loop, tools: Tools, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await loop(tools, stop)
        except Exception:
            log.exception("a loop crashed; starting it again", loop=name)
            await asyncio.sleep(AFTER_CRASH_S)


async def serve(settings: Settings) -> None:
    """One worker with tools of its own, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_tools(settings, name="worker", connections_max=CONNECTIONS_MAX) as tools:
        await run(tools, stop)


def main() -> None:
    """`python -m heyi.app.worker [--metrics-port 8790]`"""
    parser = argparse.ArgumentParser(description="Deliver what was bought, and tell those concerned.")
    parser.add_argument("--metrics-port", type=int, default=int(os.environ.get("HEYI_WORKER_METRICS_PORT", "0")))
    told = parser.parse_args()
    settings = Settings.from_environment()
    telemetry.set_up_logs(settings, "worker")
    if told.metrics_port:
        telemetry.serve_metrics(told.metrics_port)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: half of a top-up's CPU is its two HTTP exchanges."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
