"""What we have put in at suppliers: recorded by finance, spent by deliveries, never edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx
from heyi.kernel.money import Money
from heyi.settle.ledger import rules, store
from heyi.settle.ledger.errors import EntryUnknown, KeyUsed, NothingToBook, NotReversible, WrongCurrency
from heyi.settle.ledger.model import ADJUSTED, TOPPED_UP, Burn, Entry, Posting, Prepaid, prepaid_at

CORRECTION = "correction"


async def balances(tx: Tx, supplier_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Prepaid]:
    """What is booked at these suppliers and how fast it is spent; those where nothing was ever booked are missing.

    An account that was used in several currencies is answered in that of what was put in, or else in the one it was
    used in last.
    """
    codes = {prepaid_at(id): id for id in supplier_ids}
    rows = await store.prepaid(tx, list(codes), now=now) if codes else []
    return {codes[row.account]: _prepaid(codes[row.account], row, now) for row in rows}


def _prepaid(supplier_id: UUID, row: Row, now: datetime) -> Prepaid:
    balance = Money(row.paid_in_minor - row.spent_minor, row.currency)
    burn = rules.burn(row.hour_minor, row.day_minor, row.week_minor, row.since, now)
    return Prepaid(supplier_id, balance, row.paid_in_minor, row.spent_minor, row.since, burn)


def none(supplier_id: UUID, currency: str, now: datetime) -> Prepaid:
    """An account where nothing was booked yet."""
    return Prepaid(supplier_id, Money(0, currency), 0, 0, now, Burn())


async def put_in(tx: Tx, supplier_id: UUID, money: Money, *, key: str, memo: str, now: datetime) -> Prepaid:
    """Money sent to a supplier. The same `key` counts once, until that is corrected. Raises NothingToBook,
    WrongCurrency, KeyUsed."""
    return await _book(tx, supplier_id, rules.put_in(supplier_id, money, key, memo), key, now)


async def adjust(tx: Tx, supplier_id: UUID, money: Money, *, key: str, memo: str, now: datetime) -> Prepaid:
    """What the account gained (or lost, below zero) without heyi. As `put_in` otherwise."""
    return await _book(tx, supplier_id, rules.adjusted(supplier_id, money, key, memo), key, now)


async def _book(tx: Tx, supplier_id: UUID, entry: Entry, key: str, now: datetime) -> Prepaid:
    mine = entry.postings[0]
    if not mine.amount_minor:
        raise NothingToBook("/amount/amount_minor")
    there = (await balances(tx, [supplier_id], now=now)).get(supplier_id)
    if there is not None and there.paid_in_minor and there.balance.currency != mine.currency:
        raise WrongCurrency("/amount/currency", kept=there.balance.currency, given=mine.currency)
    entry = replace(entry, key=await _living(tx, entry.key or ""))
    cursor = await store.write(tx, [entry], now=now)
    if not await cursor.fetchall():
        before = (await store.entries_by_key(tx, [entry.key or ""]))[0]
        if (before.kind, before.amount_minor, before.currency) != (entry.kind, mine.amount_minor, mine.currency):
            raise KeyUsed("/key", key=key)
    return (await balances(tx, [supplier_id], now=now))[supplier_id]


async def _living(tx: Tx, key: str) -> str:
    """The key under which a reference counts now: what was booked under it and corrected was never meant, so that the
    right amount may be booked under the same reference, once again."""
    while await store.entries_by_key(tx, [rules.reversal_key(_corrected(key))]):
        key = f"again:{key}"
    return key


def _corrected(key: str) -> str:
    return f"{CORRECTION}:{key}"


async def correct(tx: Tx, supplier_id: UUID, entry_id: UUID, *, memo: str, now: datetime) -> Prepaid:
    """A top-up or adjustment was a mistake: the reversing entry, once. Raises EntryUnknown, NotReversible."""
    lines = await store.entry(tx, entry_id)
    if not any(line.account == prepaid_at(supplier_id) for line in lines):
        raise EntryUnknown
    first = lines[0]
    if first.kind not in (TOPPED_UP, ADJUSTED):
        raise NotReversible
    postings = [Posting(line.account, line.amount_minor, line.currency, line.item_id) for line in lines]
    entry = rules.reversal(first.kind, postings, _corrected(first.unique_key), None, memo)
    cursor = await store.write(tx, [entry], now=now)
    if not await cursor.fetchall():
        raise NotReversible
    return (await balances(tx, [supplier_id], now=now))[supplier_id]


async def forget(tx: Tx, *, before: datetime) -> int:
    """Drop the five-minute turnovers that no rate looks at any more; the postings stay."""
    return await store.forget_turnover(tx, before=before)
