"""Whatever is handed in is answered, at once and alone if it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from heyi.infra.gather import Gather


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
