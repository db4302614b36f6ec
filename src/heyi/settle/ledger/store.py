"""The only SQL of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncCursor

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.settle.ledger.model import Entry

SQL = queries(__file__)


async def deposits(tx: Tx, codes: Sequence[str], *, lock: bool) -> list[Row]:
    return await tx.rows(SQL["lock_deposits" if lock else "look_at_deposits"], codes=text_col(sorted(codes)))


async def spend(tx: Tx, amounts: Mapping[str, int]) -> AsyncCursor[Row]:
    codes = sorted(amounts)
    return await tx.send(SQL["spend"], codes=text_col(codes), amounts=col(amounts[c] for c in codes))


async def write(tx: Tx, entries: Sequence[Entry], *, now: datetime) -> AsyncCursor[Row]:
    """Queue the entries; the cursor answers the ids of those that were new."""
    ids = new_ids(millis(now), len(entries))
    lines = [(id, place, p) for id, e in zip(ids, entries, strict=True) for place, p in enumerate(e.postings)]
    return await tx.send(
        SQL["write_entries"],
        ids=col(ids),
        kinds=text_col(e.kind for e in entries),
        orders=col(e.order_id for e in entries),
        ats=time_col(now for _ in entries),
        memos=text_col(e.memo for e in entries),
        keys=text_col(e.key for e in entries),
        entries=col(line[0] for line in lines),
        places=col(line[1] for line in lines),
        accounts=text_col(line[2].account for line in lines),
        items=col(line[2].item_id for line in lines),
        amounts=col(line[2].amount_minor for line in lines),
        currencies=text_col(line[2].currency for line in lines),
    )


async def open_deposit(tx: Tx, code: str, currency: str) -> None:
    await tx.run(SQL["open_deposit"], code=code, currency=currency)


async def add_to_deposit(tx: Tx, code: str, amount_minor: int) -> None:
    await tx.run(SQL["add_to_deposit"], code=code, amount=amount_minor)


async def set_floor(tx: Tx, code: str, floor_minor: int) -> bool:
    return await tx.run(SQL["set_floor"], code=code, floor=floor_minor) == 1


async def entries_by_key(tx: Tx, keys: Sequence[str]) -> list[Row]:
    return await tx.rows(SQL["entries_by_key"], keys=text_col(sorted(keys)))


async def postings_of_order(tx: Tx, order_id: UUID) -> list[Row]:
    return await tx.rows(SQL["postings_of_order"], order=order_id)


async def account_lines(tx: Tx, account: str, *, before: tuple[UUID, int] | None, limit: int) -> list[Row]:
    entry, place = before or (None, None)
    return await tx.rows(SQL["account_lines"], account=account, entry=entry, place=place, limit=limit)


async def sums(tx: Tx) -> list[Row]:
    return await tx.rows(SQL["sums"])


async def drifted(tx: Tx) -> list[Row]:
    return await tx.rows(SQL["drifted"])


async def prepaid(tx: Tx, accounts: Sequence[str], *, now: datetime) -> list[Row]:
    return await tx.rows(SQL["prepaid"], accounts=text_col(sorted(accounts)), now=now)


async def entry(tx: Tx, id: UUID) -> list[Row]:
    return await tx.rows(SQL["entry"], id=id)


async def forget_turnover(tx: Tx, *, before: datetime) -> int:
    return await tx.run(SQL["forget_turnover"], before=before)
