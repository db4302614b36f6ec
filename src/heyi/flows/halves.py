"""Many things in one go; when that fails, each half by itself, so that one culprit holds up none of its neighbours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import psycopg

T = TypeVar("T")


async def in_halves(
    things: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[object]],
    culprit: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Do `work` on all of them; whichever it fails on alone is left to `culprit`, in the end.

    Raises when the database is away, or two transactions waited for each other: then it is all done again, later.
    """
    try:
        await work(things)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        if len(things) == 1:
            await culprit(things[0], error)
            return
        middle = len(things) // 2
        for half in (things[:middle], things[middle:]):
            await in_halves(half, work, culprit)
