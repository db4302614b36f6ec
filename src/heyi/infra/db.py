"""PostgreSQL through psycopg 3: a pool, transactions, pipelines, SQL files with named queries, and array literals.

Why array literals: `unnest(%(ids)s::uuid[])` fed with one text literal costs Python a quarter of what a list of
objects costs (measured: .31–.41 ms an order against .08–.09). `col` and the functions beside it make them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, LiteralString, cast
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg.rows import AsyncRowFactory, namedtuple_row
from psycopg_pool import AsyncConnectionPool

Row = Any  # a namedtuple of the query's columns


def queries(folder: str, name: str = "queries.sql") -> Mapping[str, LiteralString]:
    """The named queries of a context: `queries(__file__)` reads queries.sql beside the caller.

    Each query starts with `-- name: word` and a comment that says why. A name used twice raises ValueError.
    """
    found: dict[str, LiteralString] = {}
    text = (Path(folder).parent / name).read_text(encoding="utf-8")
    for chunk in re.split(r"^-- name: ", text, flags=re.MULTILINE)[1:]:
        title, _, body = chunk.partition("\n")
        if title.strip() in found:
            raise ValueError(f"{folder}: two queries are named {title.strip()}")
        found[title.strip()] = cast(LiteralString, body.strip().rstrip(";"))
    return found


def col(values: Iterable[object]) -> str:
    """An array literal of values whose text never needs quoting: UUIDs, numbers, booleans; None is NULL."""
    # A UUID's cheapest text are its 32 hex digits: an order writes a hundred of them.
    texts = ["null" if v is None else f"{v.int:032x}" if type(v) is UUID else str(v) for v in values]
    return "{" + ",".join(texts) + "}"


def text_col(values: Iterable[str | None]) -> str:
    """An array literal of any text; None is NULL."""
    values = list(values)
    if None not in values:  # most columns need no quoting, and one look at the whole column is cheaper than one each
        whole = '","'.join(cast("list[str]", values))
        if values and "\\" not in whole and whole.count('"') == 2 * len(values) - 2:
            return '{"' + whole + '"}'
    # Plain replaces: a regular expression took half of the order path's time.
    texts = ["null" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]
    return "{" + ",".join(texts) + "}"


_iso = lru_cache(maxsize=1024)(datetime.isoformat)  # a batch repeats its `now` in many rows


def time_col(values: Iterable[datetime | None]) -> str:
    """An array literal of timestamps with time zone; None is NULL."""
    return "{" + ",".join(["null" if v is None else f'"{_iso(v)}"' for v in values]) + "}"


def bytes_col(values: Iterable[bytes | None]) -> str:
    """An array literal of bytea in hex; None is NULL."""
    return "{" + ",".join(["null" if v is None else f'"\\\\x{v.hex()}"' for v in values]) + "}"


class Tx:
    """A transaction in progress. Statements are given by name from a context's queries.sql, values by name too."""

    def __init__(self, connection: AsyncConnection[Row]) -> None:
        self.connection = connection

    async def rows(self, sql: LiteralString, **values: object) -> list[Row]:
        """Every row of a query, as named tuples."""
        return await (await self._send(sql, values)).fetchall()

    async def row(self, sql: LiteralString, **values: object) -> Row | None:
        """The first row, or None."""
        return await (await self._send(sql, values)).fetchone()

    async def run(self, sql: LiteralString, **values: object) -> int:
        """Run a statement and answer how many rows it touched (0 inside a pipeline: see `send`)."""
        return (await self._send(sql, values)).rowcount

    async def send(self, sql: LiteralString, **values: object) -> AsyncCursor[Row]:
        """Queue a statement; inside `pipeline()` its answer is there only after the pipeline ends."""
        return await self._send(sql, values)

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[None]:
        """Statements in the block travel together in one round trip; the first error raises when it ends."""
        async with self.connection.pipeline():
            yield

    async def _send(self, sql: LiteralString, values: Mapping[str, object]) -> AsyncCursor[Row]:
        # Binary results: uuid and timestamps are cheaper to read so.
        return await self.connection.execute(sql, values or None, binary=True)


class Database:
    """The pool. `name` shows in pg_stat_activity."""

    def __init__(self, url: str, *, connections_max: int = 10, name: str = "heyi") -> None:
        self.url = url
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            url,
            min_size=min(2, connections_max),
            max_size=connections_max,
            open=False,
            kwargs={
                "row_factory": cast("AsyncRowFactory[Row]", namedtuple_row),
                "prepare_threshold": 0,
                "autocommit": True,
                "application_name": name,
                # Buyers' rows are found by key; a runaway statement must not hold locks for ever.
                "options": "-c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
            },
        )

    async def open(self) -> None:
        await self._pool.open(wait=True, timeout=30)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: commits at the end of the block, rolls back when it raises."""
        async with self._pool.connection() as connection, connection.transaction():
            yield Tx(connection)

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Tx]:
        """A transaction that is always rolled back: to look at what would happen, with nothing kept."""
        async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
            yield Tx(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """A connection for single statements that need no transaction around them."""
        async with self._pool.connection() as connection:
            yield Tx(connection)


def out_of_reach(error: Exception) -> bool:
    """No connection was to be had, or it broke: whatever is tried next at once fares no better. Deadlocks and locks
    that are not given belong to one transaction; trying that again, or half of it, does help."""
    return isinstance(error, OperationalError) and (error.sqlstate or "")[:2] not in ("40", "55")


def one_by_key(rows: Sequence[Row], key: str = "id") -> dict[UUID, Row]:
    """Rows by their id."""
    return {getattr(row, key): row for row in rows}
