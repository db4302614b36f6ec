"""From facts to jobs: the relay claims what was written and defers one job per handler of map.py and group of facts.

The errand (infra.unrelayed) is deleted and the jobs are deferred in one transaction, so between them nothing is lost
and nothing is doubled; what a job does is idempotent, because a worker may die between its work and its receipt.
src/heyi/app/worker.py starts `run_relay(tools, stop)`, `run_jobs(tools, stop)` and send.py's `run_webhooks`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from heyi.flows.halves import in_halves
from heyi.flows.map import ASKED, EVERY, LATER, Handler
from heyi.infra import jobs, outbox, telemetry
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact

TRANSACTIONS_MAX = 200  # claimed at once
FACTS_MAX = 500  # per job: a group is one transaction of its handler
IDLE_S_MIN, IDLE_S_MAX = 0.02, 0.25
JOBS_AT_ONCE = 4
log = structlog.get_logger("heyi.relay")


def name_of(handler: Callable[..., Any]) -> str:
    """A handler's name in the job queue: `tell.those_concerned`. Jobs outlive programs: rename with care."""
    return f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"


def grouped(facts: Sequence[tuple[UUID, str]], later: Sequence[tuple[str, Handler]] = LATER) -> list[jobs.Job]:
    """The jobs that these facts start, in the order of the map; at most FACTS_MAX facts each."""
    heard: dict[str, list[str]] = {}
    for name, handler in later:
        heard.setdefault(name_of(handler), []).append(name)
    found = []
    for task, names in heard.items():
        ids = [str(id) for id, name in facts if name in names]
        found += [jobs.Job(task, {"facts": " ".join(part)}) for part in _parts(ids)]
    return found


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + FACTS_MAX] for start in range(0, len(ids), FACTS_MAX)]


async def relay_once(tools: Tools) -> int:
    """Relay the oldest transactions; answers how many."""
    async with tools.db.transaction() as tx:
        claimed = await outbox.claim(tx, transactions_max=TRANSACTIONS_MAX)
        if not claimed.ids:
            telemetry.relay_lag_seconds.set(0)
            return 0
        await jobs.defer(tx, grouped(claimed.facts))
        await outbox.relayed(tx, claimed.ids)
    telemetry.facts_relayed.inc(len(claimed.facts))
    if claimed.oldest is not None:
        telemetry.relay_lag_seconds.set((tools.clock.now() - claimed.oldest).total_seconds())
    return len(claimed.ids)


async def run_relay(tools: Tools, stop: asyncio.Event) -> None:
    """Relay until `stop` is set. Polls: at once while there is plenty, four times a second when idle."""
    idle_s = IDLE_S_MIN
    while not stop.is_set():
        try:
            count = await relay_once(tools)
        except Exception:
            log.exception("relaying failed; trying again")
            count, idle_s = 0, 1.0
        if count == TRANSACTIONS_MAX:
            continue
        idle_s = IDLE_S_MIN if count else min(idle_s * 2, max(IDLE_S_MAX, idle_s))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), idle_s)


async def run_jobs(tools: Tools, stop: asyncio.Event) -> None:
    """Run the handlers, what the clock starts and what doors ask for, until `stop` is set."""
    handlers = {name_of(handler): handler for _, handler in LATER}
    tasks = [jobs.Task(name, counted(name, reaction(tools, handler))) for name, handler in handlers.items()]
    tasks += [jobs.Task(name, counted(name, partial(run, tools))) for name, run in ASKED]
    periodic = [jobs.Periodic(name_of(run), cron, partial(run, tools)) for cron, run in EVERY]
    await jobs.work(tools.settings.database_url, tasks, periodic, stop, concurrency=JOBS_AT_ONCE)


def reaction(tools: Tools, handler: Handler) -> Callable[[jobs.Args], Awaitable[None]]:
    """What a job of this handler does: read its facts and hand them over."""

    async def run(args: jobs.Args) -> None:
        ids = [UUID(id) for id in args["facts"].split()]
        async with tools.db.reading() as tx:
            facts = await outbox.read(tx, ids)
        await react(tools, handler, facts)

    return run


async def react(tools: Tools, handler: Handler, facts: Sequence[Fact]) -> None:
    """Hand facts over; when that fails, in halves, so that one bad fact holds up none of its neighbours.

    Raises the first error in the end: the job stays, and is tried again.
    """
    failed: list[Exception] = []

    async def bad(fact: Fact, error: Exception) -> None:
        log.error("a fact could not be handled", handler=name_of(handler), fact=str(fact.id), exc_info=error)
        failed.append(error)

    await in_halves(facts, partial(handler, tools), bad)
    if failed:
        raise failed[0]


def counted(name: str, run: Callable[[jobs.Args], Awaitable[None]]) -> Callable[[Mapping[str, str]], Awaitable[None]]:
    """The same, counted for the metrics."""

    async def measured(args: Mapping[str, str]) -> None:
        try:
            await run(args)
        except Exception:
            telemetry.jobs_run.labels(name, "failed").inc()
            raise
        telemetry.jobs_run.labels(name, "done").inc()

    return measured
