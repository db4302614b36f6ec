"""Write-behind storage: memory is the truth, SQLite follows in batches, a restart reads it back.

A supplier that forgets its orders when restarted would hide exactly the double deliveries it is here to show.
Synchronous is off on purpose: the file must survive the process, not the machine.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

FLUSH_EVERY_S = 0.05


class Store:
    def __init__(self, file: Path | None) -> None:
        self._db = sqlite3.connect(file if file else ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute(
            "create table if not exists kept (kind text, key text, body blob, primary key (kind, key)) without rowid"
        )
        self._dirty: dict[tuple[str, str], msgspec.Struct] = {}
        self._forgotten: set[tuple[str, str]] = set()
        self._wiped = False
        self._turn = asyncio.Lock()

    def mark(self, kind: str, key: str, thing: msgspec.Struct) -> None:
        """Remember to write this object; it is encoded as it is when the batch leaves."""
        self._dirty[kind, key] = thing

    def forget(self, kind: str, key: str) -> None:
        self._dirty.pop((kind, key), None)
        self._forgotten.add((kind, key))

    def wipe(self) -> None:
        """Forget everything that was written; what is marked after this call is written again."""
        self._dirty.clear()
        self._wiped = True

    def read(self, kind: str) -> Iterator[tuple[str, bytes]]:
        yield from self._db.execute("select key, body from kept where kind = ? order by key", (kind,))

    async def keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        async with self._turn:
            if not self._dirty and not self._forgotten and not self._wiped:
                return
            # Encoded here, on the loop, so that no object changes half-way through its own snapshot.
            rows = [(kind, key, msgspec.json.encode(thing)) for (kind, key), thing in self._dirty.items()]
            wiped, self._wiped = self._wiped, False
            gone = list(self._forgotten)
            self._dirty.clear()
            self._forgotten.clear()
            await asyncio.to_thread(self._write, rows, gone, wiped)

    def _write(self, rows: list[tuple[str, str, bytes]], gone: list[tuple[str, str]], wiped: bool) -> None:
        self._db.execute("begin")
        if wiped:
            self._db.execute("delete from kept")
        self._db.executemany("delete from kept where kind = ? and key = ?", gone)
        self._db.executemany("insert or replace into kept values (?, ?, ?)", rows)
        self._db.execute("commit")

    def close(self) -> None:
        self._db.close()
