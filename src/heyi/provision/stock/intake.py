"""A chunk of a file made ready for the vault: read, judged, sealed, and packed as PostgreSQL's COPY wants it.

All of it is CPU and none of it asks the database, so it runs in a thread while the chunk before is being written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from heyi.infra.sealing import DataKey, Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.kernel.masking import mask
from heyi.provision.stock import cards
from heyi.provision.stock.errors import OtherFile
from heyi.provision.stock.model import Fault, Import, ImportState, KeyState, Reason
from heyi.provision.stock.reading import Row, Table, digest
from heyi.provision.stock.rules import Card, Judge

CHUNK_LINES = 10_000
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INFINITY = 2**63 - 1
_length = Struct("!i").pack
_instant = Struct("!iq").pack


class Sealed(NamedTuple):
    """A card on its way in: its key's id, its line, its masked code, and its row in binary COPY format."""

    key_id: UUID
    line: int
    tail: str
    row: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk: up to which line the file is done with it, and what is to be written. `cards` by fingerprint."""

    position: int
    digest: bytes
    rows_read: int
    cards: dict[bytes, Sealed]
    faults: list[Fault]


@dataclass(slots=True)
class Intake:
    """Reads one file from its first line. Lines that an earlier upload got done are compared, and left out."""

    work: Import
    sealing: Sealing
    data_key: DataKey | None  # None: a dry run seals nothing
    table: Table
    judge: Judge
    position: int = 0
    digest: bytes = b""
    days: dict[datetime | None, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, work: Import, sealing: Sealing, wrapped: bytes | None, *, zone: ZoneInfo, now: datetime) -> Intake:
        """For this import; `now` decides what is expired."""
        data_key = None if wrapped is None or work.dry_run else cards.data_key(sealing, wrapped)
        judge = Judge(default_expiry=work.layout.expires_at, zone=zone, now=now)
        return cls(work, sealing, data_key, Table(work.layout), judge)

    def lines(self, lines: Sequence[bytes], *, now: datetime) -> Prepared | None:
        """The next lines of a text file, CHUNK_LINES of them or the last. None: they are done already."""
        fresh = self._advance(lines)
        first, rows = self.table.rows(lines)
        return self._prepare(first, rows, now) if fresh else None

    def sheet_rows(self, rows: Sequence[list[str]], *, now: datetime) -> Prepared | None:
        """The next rows of a workbook; as `lines`."""
        before = self.position
        fresh = self._advance(["\x1f".join(row).encode(errors="surrogatepass") for row in rows])
        first, named = self.table.name(before + 1, list(rows))
        return self._prepare(first, named, now) if fresh else None

    def check_end(self) -> None:
        """The file has ended. Raises OtherFile when an earlier upload had read further."""
        if self.position < self.work.position:
            raise OtherFile

    def _advance(self, lines: Sequence[bytes]) -> bool:
        start, self.position = self.position, self.position + len(lines)
        self.digest = digest(self.digest, lines)
        if start >= self.work.position:
            if self.work.state is ImportState.DONE:
                raise OtherFile  # longer than the one that was imported
            return True
        same = self.position < self.work.position or (
            self.position == self.work.position and self.digest == self.work.digest
        )
        if not same:
            raise OtherFile
        return False

    def _prepare(self, first: int, rows: Sequence[Row], now: datetime) -> Prepared:
        assert self.table.columns is not None  # the first line has been read
        good, faults = self.judge.rows(first, rows, self.table.columns)
        ids = new_ids(millis(now), len(good))
        found: dict[bytes, Sealed] = {}
        for key_id, card in zip(ids, good, strict=True):
            mark = cards.fingerprint(self.sealing, card.code, card.secret)
            if mark in found:
                faults.append(Fault(card.line, Reason.REPEATED_IN_FILE, mask(card.code)))
                continue
            tail = mask(card.code)
            found[mark] = Sealed(key_id, card.line, tail, self._row(key_id, card, tail) if self.data_key else b"")
        return Prepared(self.position, self.digest, len(rows), found, faults)

    def _row(self, key_id: UUID, card: Card, tail: str) -> bytes:
        assert self.data_key is not None
        assert self.work.batch_id is not None
        shut = cards.sealed(self.data_key, key_id, card.code, card.secret)
        shown = tail.encode()
        return b"".join((
            b"\0\7", _length(16), key_id.bytes, self._same_for_all(card.expires_at),
            _length(len(shown)), shown, _length(len(shut)), shut,
        ))  # fmt: skip

    def _same_for_all(self, expires_at: datetime | None) -> bytes:
        """Batch, benefit, state and expiry, as they stand in the row: made once for each expiry."""
        known = self.days.get(expires_at)
        if known is None:
            assert self.work.batch_id is not None
            state = KeyState.AVAILABLE.value.encode()
            instant = _INFINITY if expires_at is None else (expires_at - _EPOCH) // _MICROSECOND
            known = b"".join((
                _length(16), self.work.batch_id.bytes, _length(16), self.work.benefit_id.bytes,
                _length(len(state)), state, _instant(8, instant),
            ))  # fmt: skip
            if len(self.days) < CHUNK_LINES:
                self.days[expires_at] = known
        return known
