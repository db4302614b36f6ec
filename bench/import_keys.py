"""How long 1,000,000 card keys take from a CSV file into the vault, next to a COPY of the same rows.

    python -m bench.import_keys [--rows 1000000] [--rounds 5]

The COPY starts from rows that are sealed and packed already (as PostgreSQL itself wrote them out) and fills one table
with the columns and indexes of stock.keys and the unique fingerprint. The import reads CSV, judges every row, looks for
repetitions in the file and in the vault, seals every key, keeps its progress, and writes keys and fingerprints.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from heyi.app.embedded import Embedded
from heyi.app.migrate import migrate
from heyi.flows.import_keys import import_keys
from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.clock import OffsetClock
from heyi.kernel.money import Money
from heyi.provision import stock
from heyi.provision.stock.model import Layout

PIECE_BYTES = 1 << 16
MASTER_KEY = bytes(32)
# The same rows, in the order in which they came, and the same indexes.
TABLE = (
    "create table public.bench_keys (like stock.keys including all, fingerprint bytea not null, import_number integer)",
    "create unique index on public.bench_keys (fingerprint)",
)
ROWS = "select k.*, f.fingerprint, f.import_number from stock.keys k join stock.fingerprints f on f.key_id = k.id"


def run(database_url: str, rows: int, rounds: int = 5) -> dict[str, object]:
    """Medians over `rounds` interleaved runs, in seconds. The vault must be empty; it is empty again afterwards."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        found = connection.execute("select exists (select from stock.keys)").fetchone()
        if found is None or found[0]:
            raise ValueError("this bench empties the vault: give it a database of its own")
        imports, copies = [], []
        for number in range(rounds):
            pieces = _csv(rows, number)
            started = time.perf_counter()
            asyncio.run(_import(database_url, pieces, rows))
            imports.append(time.perf_counter() - started)
            copies.append(_copy(connection))
            connection.execute("truncate stock.keys, stock.fingerprints, stock.imports, stock.batches")
    import_s, copy_s = statistics.median(imports), statistics.median(copies)
    return {
        "rows": rows, "rounds": rounds, "import_s": round(import_s, 2), "copy_s": round(copy_s, 2),
        "ratio": round(import_s / copy_s, 2), "rows_per_s": round(rows / import_s),
    }  # fmt: skip


async def _import(database_url: str, pieces: list[bytes], rows: int) -> None:
    database = Database(database_url, connections_max=4, name="bench")
    await database.open()
    try:
        async with Http() as http:
            settings = Settings(database_url=database_url, master_key=MASTER_KEY, home=Path("."))
            tools = Tools(database, OffsetClock(), Sealing(MASTER_KEY), http, settings)
            layout = Layout("csv", {"code": "code", "secret": "secret", "expires": "expires"})
            async with tools.db.transaction() as tx:
                work = await stock.imports.create(
                    tx, tools.sealing, benefit_id=uuid4(), batch=f"bench-{uuid4()}", cost=Money(1250, "CNY"),
                    layout=layout, dry_run=False, now=tools.clock.now(),
                )  # fmt: skip
            done = await import_keys(tools, work.id, _stream(pieces))
            if done.rows_added != rows:
                raise RuntimeError(f"{done.rows_added} of {rows} rows were added")
    finally:
        await database.close()


async def _stream(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _csv(rows: int, number: int) -> list[bytes]:
    lines = ["code,secret,expires\n"]
    lines += [
        f"{number}A{n:012d}{n * 2654435761 % 10**8:08d},{n * 40503 % 10**12:012d},2035-12-31\n" for n in range(rows)
    ]
    whole = "".join(lines).encode()
    return [whole[at : at + PIECE_BYTES] for at in range(0, len(whole), PIECE_BYTES)]


def _copy(connection: psycopg.Connection) -> float:
    """Seconds to COPY what the vault holds into one identically indexed table."""
    for statement in TABLE:
        connection.execute(statement)
    with connection.cursor().copy(f"copy ({ROWS} order by k.place) to stdout (format binary)") as copy:
        whole = b"".join(bytes(piece) for piece in copy)
    started = time.perf_counter()
    with connection.cursor().copy("copy public.bench_keys from stdin (format binary)") as copy:
        for at in range(0, len(whole), 1 << 20):
            copy.write(whole[at : at + (1 << 20)])
    took = time.perf_counter() - started
    connection.execute("drop table public.bench_keys")
    return took


@contextmanager
def _server() -> Iterator[str]:
    """A throw-away server with everything durable, as in earnest."""
    with tempfile.TemporaryDirectory(prefix="heyi-bench-") as folder, Embedded(Path(folder)) as server:
        server.create_database("bench")
        migrate(server.url("bench"))
        try:
            yield server.url("bench")
        finally:
            server.destroy()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    url = os.environ.get("HEYI_BENCH_DATABASE_URL")
    if url:
        result = run(url, asked.rows, asked.rounds)
    else:
        with _server() as own:
            result = run(own, asked.rows, asked.rounds)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
