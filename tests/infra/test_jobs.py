"""Jobs exist if and only if their transaction committed, run until they succeed, and survive their worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from heyi.infra import jobs
from heyi.infra.tools import Tools

DEADLINE_S = 20.0


@asynccontextmanager
async def working(
    tools: Tools, run: Callable[[jobs.Args], Awaitable[None]], *periodic: jobs.Periodic
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.work(tools.settings.database_url, [jobs.Task("t", run)], periodic, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not done():  # noqa: ASYNC110 - whoever makes it true knows nothing of this test
            await asyncio.sleep(0.01)


async def defer(tools: Tools, *numbers: str) -> None:
    async with tools.db.transaction() as tx:
        await jobs.defer(tx, [jobs.Job("t", {"n": number}) for number in numbers])


async def waiting(tools: Tools) -> int:
    async with tools.db.reading() as tx:
        row = await tx.row("select count(*) as n from public.procrastinate_jobs where status in ('todo', 'doing')")
    assert row is not None
    return int(row.n)


async def test_a_rolled_back_transaction_leaves_no_job(tools: Tools) -> None:
    async def broken() -> None:
        async with tools.db.transaction() as tx:
            await jobs.defer(tx, [jobs.Job("t", {"n": "1"})])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    assert await waiting(tools) == 0


async def test_jobs_run_and_a_failing_one_runs_again(tools: Tools) -> None:
    ran: list[str] = []

    async def run(args: jobs.Args) -> None:
        ran.append(args["n"])
        if args["n"] == "bad" and ran.count("bad") == 1:
            raise ValueError("the first time")

    await defer(tools, "1", "bad", "2")
    async with working(tools, run):
        await until(lambda: len(ran) == 4)
    assert sorted(ran) == ["1", "2", "bad", "bad"]
    assert await waiting(tools) == 0


async def test_the_clock_starts_work(tools: Tools) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        ticks.append(1)

    async def run(_: jobs.Args) -> None:
        return

    async with working(tools, run, jobs.Periodic("tick", "* * * * * *", tick)):
        await until(lambda: len(ticks) >= 2)


async def test_the_job_of_a_dead_worker_is_rescued(tools: Tools) -> None:
    """A worker took the job, its heart stopped, and nobody told the queue."""
    ran: list[str] = []

    async def run(args: jobs.Args) -> None:
        ran.append(args["n"])

    await defer(tools, "orphan")
    async with await psycopg.AsyncConnection.connect(tools.settings.database_url, autocommit=True) as connection:
        await connection.execute(
            "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour')"
        )
        await connection.execute(
            "update procrastinate_jobs set status = 'doing', "
            "worker_id = (select max(id) from procrastinate_workers) where status = 'todo'"
        )
    async with working(tools, run):
        await until(lambda: ran == ["orphan"])


async def test_workers_survive_the_loss_of_their_connections(tools: Tools) -> None:
    ran: list[str] = []

    async def run(args: jobs.Args) -> None:
        ran.append(args["n"])

    async with working(tools, run):
        await defer(tools, "before")
        await until(lambda: ran == ["before"])
        async with await psycopg.AsyncConnection.connect(tools.settings.database_url, autocommit=True) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heyi jobs'"
            )
        await defer(tools, "after")
        await until(lambda: ran == ["before", "after"])
