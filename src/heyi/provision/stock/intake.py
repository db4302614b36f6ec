"""A chunk of a file made ready for the vault: read, judged, sealed, and packed as PostgreSQL's COPY wants it.

All of it is CPU and none of it asks the database, so it runs in a thread while the chunk before is being written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from struct import Struct
from zoneinfo import ZoneInfo

from heyi.infra.sealing import DataKey, Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.kernel.masking import mask
from heyi.provision.stock import cards
from heyi.provision.stock.errors import OtherFile
from heyi.provision.stock.model import Fault, Import, ImportState, KeyState, Reason
from heyi.provision.stock.reading import Row, Table, digest
from heyi.provision.stock.rules import Judge

CHUNK_LINES = 20_000
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INFINITY = 2**63 - 1
_length = Struct("!i").pack
_instant = Struct("!iq").pack
_ID = b"\0\7" + _length(16)  # seven columns, of which the first has 16 bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk: up to which line the file is done with it, and what is to be written.

    `cards` says at which place of the lists below a fingerprint's card is (lists of plain values, because a million
    small objects would keep the garbage collector busy): its key's id (16 bytes), its line in the file, its masked
    code, and its row in binary COPY format.
    """

    position: int
    digest: bytes
    rows_read: int
    faults: list[Fault]
    cards: dict[bytes, int] = field(default_factory=dict)
    ids: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    tails: list[str] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)


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
    same: dict[datetime | None, bytes] = field(default_factory=dict)

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
        # One fresh id and its successors: unique like any other, ascending, and a tenth of the work.
        next_id = new_id(millis(now)).int
        made = Prepared(self.position, self.digest, len(rows), faults)
        fingerprint, key = cards.fingerprint, cards.fingerprint_key(self.sealing)
        seal = self.data_key.seal if self.data_key else _not_sealed
        for line, code, secret, expires_at in good:
            value, tail = cards.packed(code, secret), mask(code)
            mark = fingerprint(key, value)
            if mark in made.cards:
                faults.append(Fault(line, Reason.REPEATED_IN_FILE, tail))
                continue
            key_id, shown = next_id.to_bytes(16, "big"), tail.encode()
            next_id += 1
            shut = seal(value, key_id)
            same = self.same.get(expires_at) or self._same_for_all(expires_at)
            made.cards[mark] = len(made.ids)
            made.ids.append(key_id)
            made.lines.append(line)
            made.tails.append(tail)
            made.rows.append(b"".join((_ID, key_id, same, _length(len(shown)), shown, _length(len(shut)), shut)))
        return made

    def _same_for_all(self, expires_at: datetime | None) -> bytes:
        """Batch, benefit, state and expiry, as they stand in the row: made once for each expiry."""
        batch_id = self.work.batch_id or self.work.id  # a dry run has no batch, and its rows go nowhere
        state = KeyState.AVAILABLE.value.encode()
        instant = _INFINITY if expires_at is None else (expires_at - _EPOCH) // _MICROSECOND
        known = b"".join((
            _length(16), batch_id.bytes, _length(16), self.work.benefit_id.bytes,
            _length(len(state)), state, _instant(8, instant),
        ))  # fmt: skip
        if len(self.same) < CHUNK_LINES:
            self.same[expires_at] = known
        return known


def _not_sealed(value: bytes, bound_to: bytes) -> bytes:
    """A dry run seals nothing."""
    return b""
