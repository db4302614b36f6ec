"""Importing files of card keys: made once, sent as often as it takes, written chunk by chunk."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from heyi.infra.db import Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import Clock, millis
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.provision.stock import batches, import_store, sheets
from heyi.provision.stock.errors import BatchIsVoid, ImportBusy, ImportNotFound, TooLarge, Unreadable
from heyi.provision.stock.intake import CHUNK_LINES, Intake, Prepared
from heyi.provision.stock.model import BatchState, Fault, Import, ImportState, Layout, Reason
from heyi.provision.stock.reading import Lines

FAULTS_READ_AT_ONCE = 5000


async def create(
    tx: Tx, sealing: Sealing, *, benefit_id: UUID, batch: str, cost: Money, layout: Layout, dry_run: bool, now: datetime
) -> Import:
    """A new import, waiting for its file. Makes the batch when there is none of that code (not for a dry run).

    Raises BatchDiffers when the code's batch is another benefit's or costs otherwise, and BatchIsVoid.
    """
    if dry_run:
        batch_id = None
        await batches.check(tx, batch, benefit_id, cost)
    else:
        row = await batches.ensure(tx, sealing, batch, benefit_id, cost, now=now)
        batch_id = row.id
    return await import_store.insert(
        tx, id=new_id(millis(now)), batch_id=batch_id, batch=batch, benefit_id=benefit_id, cost=cost, layout=layout,
        dry_run=dry_run, now=now,
    )  # fmt: skip


async def read(tx: Tx, import_id: UUID) -> Import:
    """How far an import is. Raises ImportNotFound."""
    found = await import_store.read(tx, [import_id])
    if not found:
        raise ImportNotFound
    return found[0]


async def page(tx: Tx, *, batch: str | None, before: UUID | None, most: int) -> list[Import]:
    """Imports, newest first; of one batch when it is named."""
    return await import_store.page(tx, batch=batch, before=before, most=most)


async def faults(tx: Tx, import_id: UUID, *, after_line: int) -> list[Fault]:
    """The next few thousand rows that were not taken, in the file's order."""
    return await import_store.faults(tx, import_id, after_line=after_line, most=FAULTS_READ_AT_ONCE)


async def begin(tx: Tx, sealing: Sealing, import_id: UUID, *, zone: ZoneInfo, now: datetime) -> Intake:
    """Ready to read the import's file from its first line. Raises ImportNotFound."""
    work = await read(tx, import_id)
    wrapped = None if work.batch_id is None else await import_store.data_key(tx, work.batch_id)
    return Intake.of(work, sealing, wrapped, zone=zone, now=now)


async def chunks(reader: Intake, pieces: AsyncIterator[bytes], clock: Clock) -> AsyncGenerator[Prepared, None]:
    """The file's chunks that are not done yet, each prepared in a thread while the caller writes the one before.

    Holds three chunks at most, however long the file. Raises what reading a file can raise; then everything that was
    yielded before still counts.
    """
    work = reader.work
    steps = _sheet_steps(reader, pieces, clock) if work.layout.format == "xlsx" else _line_steps(reader, pieces, clock)
    before: Prepared | None = None
    running: asyncio.Future[Prepared | None] | None = None
    try:
        async for step in steps:
            running = asyncio.ensure_future(asyncio.to_thread(step))
            if before is not None:
                yield before
            before = await running
        if before is not None:
            running, last, before = None, before, None
            yield last
    finally:
        if running is not None and not running.done():
            await asyncio.wait([running])  # a thread cannot be stopped; its chunk is simply not written
    if reader.position == 0:
        raise Unreadable(format=work.layout.format)  # an empty file is a mistake, not an import of nothing
    reader.check_end()


Step = Callable[[], Prepared | None]


async def _line_steps(reader: Intake, pieces: AsyncIterator[bytes], clock: Clock) -> AsyncIterator[Step]:
    lines, waiting = Lines(), list[bytes]()

    def step(ready: list[bytes]) -> Step:
        return lambda: reader.lines(ready, now=clock.now())

    async for piece in pieces:
        waiting += lines.feed(piece)
        while len(waiting) >= CHUNK_LINES:
            ready, waiting = waiting[:CHUNK_LINES], waiting[CHUNK_LINES:]
            yield step(ready)
    waiting += lines.end()
    for start in range(0, len(waiting), CHUNK_LINES):
        yield step(waiting[start : start + CHUNK_LINES])


async def _sheet_steps(reader: Intake, pieces: AsyncIterator[bytes], clock: Clock) -> AsyncIterator[Step]:
    with tempfile.TemporaryFile(prefix="heyi-import-") as file:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > sheets.PACKED_MB_MAX << 20:
                raise TooLarge(most_mb=sheets.PACKED_MB_MAX)
            file.write(piece)
        file.seek(0)
        rows = await asyncio.to_thread(sheets.rows_of, file, header=reader.work.layout.header)

    def step(ready: list[list[str]]) -> Step:
        return lambda: reader.sheet_rows(ready, now=clock.now())

    for start in range(0, len(rows), CHUNK_LINES):
        yield step(rows[start : start + CHUNK_LINES])


async def add(tx: Tx, work: Import, chunk: Prepared, *, now: datetime) -> tuple[Import, int]:
    """Write one chunk; answers the import as it is then, and how many keys became available. All of it happens, or
    (with the transaction) nothing.

    Raises ImportBusy when another upload of the same import has written in the meantime, and BatchIsVoid.
    """
    free, state = await import_store.lock_at(tx, work)
    if not free:
        raise ImportBusy
    if state == BatchState.VOID:
        raise BatchIsVoid
    if work.dry_run:
        repeated, available = await import_store.try_fingerprints(tx, work, chunk.cards), 0
    else:
        repeated, available = await _keep(tx, work, chunk, state)
    bad = chunk.faults + [
        Fault(chunk.lines[at], repeated[mark], chunk.tails[at]) for mark, at in chunk.cards.items() if mark in repeated
    ]
    again = sum(fault.reason in (Reason.REPEATED_IN_FILE, Reason.REPEATED_IN_VAULT) for fault in bad)
    await import_store.write_faults(tx, work.id, bad)
    after = await import_store.advance(
        tx, work, position=chunk.position, digest=chunk.digest, read=chunk.rows_read, added=chunk.rows_read - len(bad),
        bad=len(bad) - again, repeated=again, now=now,
    )  # fmt: skip
    return after, available


async def finish(tx: Tx, work: Import, *, now: datetime) -> Import:
    """The whole file is done. Once done, it stays so."""
    if work.state is ImportState.DONE:
        return work
    if work.dry_run:
        await import_store.forget_tried(tx, work.id)
    done = await import_store.finish(tx, work, now=now)
    if done is None:
        raise ImportBusy
    return done


async def _keep(tx: Tx, work: Import, chunk: Prepared, state: str | None) -> tuple[dict[bytes, Reason], int]:
    """Put the new ones into the vault; why the others were not, and how many may be sold."""
    by_print = {mark: chunk.ids[at] for mark, at in chunk.cards.items()}
    known = await import_store.remember(tx, by_print, work.number)
    fresh = [at for mark, at in chunk.cards.items() if mark not in known]
    await import_store.copy_keys(tx, [chunk.rows[at] for at in fresh])
    if state == BatchState.QUARANTINED:
        await import_store.quarantine(tx, [chunk.ids[at] for at in fresh])
    whose = {True: Reason.REPEATED_IN_FILE, False: Reason.REPEATED_IN_VAULT}
    repeated = {mark: whose[row.import_number == work.number] for mark, row in known.items()}
    return repeated, len(fresh) if state == BatchState.OPEN else 0
