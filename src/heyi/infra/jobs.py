"""Background jobs on procrastinate: deferred inside our own transactions, retried with growing gaps, rescued.

procrastinate's insert trigger sends NOTIFY twice a job, so nothing on the order path defers one: facts wait in the
outbox, and the relay defers a few jobs per batch of them. What a job does must be idempotent: a worker that dies, or
only stops breathing for half a minute, has its jobs run again by another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from heyi.infra.db import Tx

Args = Mapping[str, str]

GAP_S_MAX = 3600
HEARTBEAT_S, STALLED_AFTER_S = 5.0, 20.0
RESCUE_NAME, RESCUE_CRON = "jobs.rescue", "* * * * * */15"
POLL_S = 1.0  # NOTIFY wakes the worker for new jobs; this is for those that become due again
_log = logging.getLogger("heyi.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work to be done later. `args` are strings: procrastinate copies and prints them several times."""

    task: str
    args: Args


@dataclass(frozen=True, slots=True)
class Task:
    """What a job's name stands for. It is tried for ever, after 1, 2, 4 … seconds, at most an hour apart."""

    name: str
    run: Callable[[Args], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that the clock starts, once for all workers together. A run that fails is not repeated: the next one comes.

    `cron` has five fields, or six with seconds last.
    """

    name: str
    cron: str
    run: Callable[[], Awaitable[object]]


class _GrowingGaps(BaseRetryStrategy):
    """Never gives up: a lost reaction to a fact would be found by nobody."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision:
        gap_s = min(GAP_S_MAX, 2 ** min(job.attempts, 12))
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=gap_s))


_manager = JobManager(PsycopgConnector())  # never opened: it works on the connections it is given


async def defer(tx: Tx, jobs: Sequence[Job]) -> None:
    """Queue jobs as part of this transaction, in one statement: they exist if and only if it commits."""
    if jobs:
        queued = [
            QueuedJob(
                id=None, queue="heyi", lock=None, queueing_lock=None, task_name=job.task, task_kwargs=dict(job.args)
            )
            for job in jobs
        ]
        await _manager.batch_defer_jobs_async(queued, connection=tx.connection)


async def work(
    url: str, tasks: Sequence[Task], periodic: Sequence[Periodic], stop: asyncio.Event, *, concurrency: int = 4
) -> None:
    """Run jobs until `stop` is set; what runs then may finish for ten seconds. Survives a restart of the database."""
    while not stop.is_set():
        app = _app(url, tasks, periodic)
        try:
            async with app.open_async():
                await rescue(app)
                await _until(stop, app, concurrency)
        except Exception:
            _log.exception("job worker ended; starting another")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)


async def _until(stop: asyncio.Event, app: App, concurrency: int) -> None:
    worker = asyncio.create_task(
        app.run_worker_async(
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=POLL_S,
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_AFTER_S,
            shutdown_graceful_timeout=10,
        )
    )
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((worker, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not worker.done():
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


def _app(url: str, tasks: Sequence[Task], periodic: Sequence[Periodic]) -> App:
    # procrastinate tells of every job three times at INFO; a busy relay would write more log than facts.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    app = App(
        connector=PsycopgConnector(conninfo=url, min_size=1, max_size=3, kwargs={"application_name": "heyi jobs"})
    )
    for task in tasks:
        app.task(name=task.name, queue="heyi", retry=_GrowingGaps())(_called(task))
    for each in (*periodic, Periodic(RESCUE_NAME, RESCUE_CRON, lambda: rescue(app))):
        # queueing_lock: while one waits, the next is not queued behind it.
        ticked = app.task(name=each.name, queue="clock", queueing_lock=each.name)(_ticked(each))
        app.periodic(cron=each.cron)(ticked)
    return app


def _called(task: Task) -> Callable[..., Awaitable[None]]:
    async def run(**args: str) -> None:
        await task.run(args)

    return run


def _ticked(periodic: Periodic) -> Callable[[int], Awaitable[None]]:
    async def run(timestamp: int) -> None:
        await periodic.run()

    return run


async def rescue(app: App) -> int:
    """Put the jobs of dead workers back in the queue; answers how many. Periodic ones end: their next run is due."""
    rescued = 0
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
        if job.id is None:
            continue
        if job.queue == "clock":
            await app.job_manager.finish_job_by_id_async(job.id, Status.ABORTED, delete_job=True)
        else:
            await app.job_manager.retry_job_by_id_async(job.id, retry_at=datetime.now(UTC))
            rescued += 1
    if rescued:
        _log.warning("rescued %d jobs of dead workers", rescued)
    return rescued
