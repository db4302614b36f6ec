"""What the machine's owner does beside the HTTP API: the first operator's key, the alliance's clock, a look inside.

Whoever can call this holds the database's address, and so could do anything; every other thing that an operator
does goes through the operator API, where it is checked, keyed and recorded.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg

from heyi.infra.db import Database
from heyi.infra.sealing import SealBroken, Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.offer import partner
from heyi.offer.partner.model import OPERATOR

PROOF = "master_key_proof"


def first_operator_key(url: str) -> str | None:
    """The secret of the first operator's key; None when one was ever made. Asking again makes no second one."""

    async def ask() -> str | None:
        async with _opened(url) as database, database.transaction() as tx:
            made = await partner.bootstrap_operator(tx, now=alliance_time(url))
        return made.secret if made else None

    return asyncio.run(ask())


def another_operator_key(url: str, label: str) -> str:
    """The secret of a new operator's key, for the owner who lost all others. Raises TwoLive."""

    async def ask() -> str:
        now = alliance_time(url)
        async with _opened(url) as database, database.transaction() as tx:
            made = await partner.make_access_key(tx, OPERATOR, new_id(millis(now)), label=label, now=now)
        return made.secret

    return asyncio.run(ask())


def clock_offset(url: str) -> timedelta:
    """How far the alliance's time is ahead of real time."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select value from infra.settings where name = 'clock_offset_s'").fetchone()
    return timedelta(seconds=float(row[0]) if row else 0)


def set_clock_offset(url: str, offset: timedelta) -> None:
    """Move the alliance's time; every process follows within a second. It is never moved back past what happened."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into infra.settings (name, value) values ('clock_offset_s', %s::jsonb)"
            " on conflict (name) do update set value = excluded.value",
            [str(offset.total_seconds())],
        )


def alliance_time(url: str) -> datetime:
    """Now, as the alliance counts it."""
    return datetime.now(UTC) + clock_offset(url)


def master_key_fits(url: str, master_key: bytes) -> bool:
    """Whether this master key opens what was sealed on the first start; on the first start it is sealed."""
    sealing = Sealing(master_key)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into infra.settings (name, value) values (%s, to_jsonb(%s::text)) on conflict (name) do nothing",
            [PROOF, sealing.seal_secret(PROOF, PROOF).hex()],
        )
        row = connection.execute("select value #>> '{}' from infra.settings where name = %s", [PROOF]).fetchone()
    try:
        return row is not None and sealing.open_secret(bytes.fromhex(row[0]), PROOF) == PROOF
    except SealBroken:
        return False


def server(url: str) -> tuple[int, timedelta]:
    """PostgreSQL's version number (180006), and how far its clock is ahead of this machine's."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        before = datetime.now(UTC)
        row = connection.execute("select clock_timestamp()").fetchone()
        between = before + (datetime.now(UTC) - before) / 2
        return connection.info.server_version, (row[0] - between if row else timedelta())


def backlog(url: str) -> tuple[int, timedelta]:
    """Transactions whose facts were not handed on yet, and how long the oldest has waited."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*), min(at) from infra.unrelayed").fetchone()
    waiting, oldest = row or (0, None)
    return waiting, alliance_time(url) - oldest if oldest else timedelta()


def processes(url: str) -> dict[str, int]:
    """heyi's own connections by process name (web, worker …)."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select application_name, count(*) from pg_stat_activity"
            " where datname = current_database() and application_name like 'heyi %' group by 1"
        ).fetchall()
    return {name.removeprefix("heyi "): count for name, count in rows}


class _opened:
    def __init__(self, url: str) -> None:
        self._database = Database(url, connections_max=1, name="heyi admin")

    async def __aenter__(self) -> Database:
        await self._database.open()
        return self._database

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()
