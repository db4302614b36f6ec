"""Whatever is handed in is answered, at once and alone if it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from psycopg.errors import AdminShutdown, DeadlockDetected
from psycopg_pool import PoolTimeout

from heyi.infra.gather import Busy, Gather


async def double(asked: Sequence[int]) -> list[int]:
    await asyncio.sleep(0)
    return [2 * one for one in asked]


async def test_a_caller_that_asks_again_at_once_is_answered() -> None:
    """The runner that served the first call has ended by then, though nobody was told yet."""
    gather: Gather[int, int] = Gather(double, runners_max=1)
    async with asyncio.timeout(5):
        assert [await gather.ask(n) for n in range(50)] == [2 * n for n in range(50)]


async def test_calls_that_wait_travel_together_and_errors_alone() -> None:
    sizes: list[int] = []

    async def act(asked: Sequence[int]) -> list[int]:
        sizes.append(len(asked))
        if 3 in asked:
            raise ValueError("three")
        return [2 * one for one in asked]

    gather: Gather[int, int] = Gather(act, batch_max=8, runners_max=1)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(gather.ask(n) for n in range(8)), return_exceptions=True)
    assert sizes[0] == 8
    assert [n for n, answer in enumerate(answers) if isinstance(answer, ValueError)] == [3]
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 2, 4, 8, 10, 12, 14]
    with pytest.raises(ValueError, match="three"):
        await gather.ask(3)


async def test_when_the_database_cannot_be_reached_nobody_waits_for_that_twice() -> None:
    """Halves of a batch would each wait for a connection again: 64 calls, 127 time-outs, one after the other."""
    tried = 0

    async def act(asked: Sequence[int]) -> list[int]:
        nonlocal tried
        tried += 1
        raise PoolTimeout("no connection within 30 s") if asked[0] == 0 else AdminShutdown("bye")

    gather: Gather[int, int] = Gather(act, batch_max=64, runners_max=1)
    for first in (0, 1):
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(gather.ask(first) for _ in range(64)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Busy] * 64
    assert tried == 2


async def test_a_deadlock_is_tried_again_in_halves() -> None:
    async def act(asked: Sequence[int]) -> list[int]:
        if len(asked) > 1:
            raise DeadlockDetected
        return [2 * one for one in asked]

    gather: Gather[int, int] = Gather(act, batch_max=8, runners_max=1)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*(gather.ask(n) for n in range(8))) == [2 * n for n in range(8)]


async def test_who_finds_too_many_waiting_is_told_at_once() -> None:
    free = asyncio.Event()

    async def act(asked: Sequence[int]) -> list[int]:
        await free.wait()
        return list(asked)

    gather: Gather[int, int] = Gather(act, batch_max=4, runners_max=1, waiting_max=8)
    waiting = [asyncio.create_task(gather.ask(n)) for n in range(8)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await gather.ask(9)
    free.set()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == list(range(8))
        assert await gather.ask(9) == 9
