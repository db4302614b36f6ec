"""The ledger owns every balance; flows hand it charges, earnings and costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from heyi.infra.db import Row, Tx
from heyi.kernel.money import Money
from heyi.settle.ledger import rules, store
from heyi.settle.ledger.errors import DepositMoved, DepositTooLow, NoDeposit, WrongCurrency
from heyi.settle.ledger.model import Charge, Cost, Deposit, Earning, PostedLine, Posting, deposit_of

Check = Callable[[], Awaitable[None]]


async def deposits(tx: Tx, channel_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Deposit]:
    """The deposits of these channels; `lock` holds them until the transaction ends."""
    codes = {deposit_of(channel): channel for channel in channel_ids}
    return {
        codes[row.code]: Deposit(codes[row.code], Money(row.balance_minor, row.currency), row.floor_minor)
        for row in await store.deposits(tx, list(codes), lock=lock)
    }


async def charge(tx: Tx, charges: Sequence[Charge], *, now: datetime) -> Check:
    """Write the entries of paid orders and take the money from the deposits, last of all.

    Safe inside a pipeline: the answer is a check to await after it ended. It raises DepositMoved when another
    transaction took the money meanwhile; the caller rolls back and looks again with the lock held.
    """
    spent: dict[str, int] = {}
    for one in charges:
        code = deposit_of(one.channel_id)
        spent[code] = spent.get(code, 0) + one.amount.amount_minor
    await store.write(tx, [rules.paid(one) for one in charges], now=now)
    cursor = await store.spend(tx, spent)

    async def check() -> None:
        if cursor.rowcount != len(spent):
            raise DepositMoved

    return check


async def earn(tx: Tx, earnings: Sequence[Earning], *, now: datetime) -> None:
    """Turn shares from unearned into earned; each key counts once. Shares of zero leave no trace."""
    entries = [rules.earned(one) for one in earnings if one.share.amount_minor]
    if entries:
        await store.write(tx, entries, now=now)


async def accrue(tx: Tx, costs: Sequence[Cost], *, now: datetime) -> None:
    """Book what delivered benefits cost us; each key counts once. Costs of zero leave no trace."""
    entries = [rules.accrued(one) for one in costs if one.cost.amount_minor]
    if entries:
        await store.write(tx, entries, now=now)


async def reverse(tx: Tx, keys: Sequence[str], *, because: str, now: datetime) -> None:
    """Turn round the entries with these keys ("earn:…", "cost:…"); `because` makes each reversal happen once."""
    rows = await store.entries_by_key(tx, keys)
    entries = []
    for _, group in groupby(rows, key=lambda row: row.id):
        lines = list(group)
        postings = [Posting(line.account, line.amount_minor, line.currency, line.item_id) for line in lines]
        entries.append(rules.reversal(lines[0].kind, postings, f"{because}:{lines[0].unique_key}", lines[0].order_id))
    if entries:
        await store.write(tx, entries, now=now)


async def top_up(tx: Tx, channel_id: UUID, money: Money, *, key: str, memo: str, now: datetime) -> Deposit:
    """Money received from a channel. The same `key` counts once. Raises WrongCurrency."""
    code = deposit_of(channel_id)
    await store.open_deposit(tx, code, money.currency)
    before = (await deposits(tx, [channel_id], lock=True))[channel_id]
    if before.balance.currency != money.currency:
        raise WrongCurrency("/amount/currency", kept=before.balance.currency, given=money.currency)
    cursor = await store.write(tx, [rules.topped_up(code, money, f"{channel_id}:{key}", memo)], now=now)
    if await cursor.fetchall():
        await store.add_to_deposit(tx, code, money.amount_minor)
    return (await deposits(tx, [channel_id]))[channel_id]


async def set_floor(tx: Tx, channel_id: UUID, floor_minor: int) -> Deposit:
    """Allow a deposit to go down to this balance (below zero: a credit line). Raises NoDeposit, DepositTooLow."""
    known = await deposits(tx, [channel_id], lock=True)
    if channel_id not in known:
        raise NoDeposit
    if not await store.set_floor(tx, deposit_of(channel_id), floor_minor):
        raise DepositTooLow("/floor_minor", needed=floor_minor, spendable=known[channel_id].balance.amount_minor)
    return (await deposits(tx, [channel_id]))[channel_id]


async def lines(tx: Tx, account: str, *, before: tuple[UUID, int] | None, limit: int) -> list[PostedLine]:
    """An account's postings, newest first; `before`: what comes after this entry's posting at this place."""
    return [_line(row) for row in await store.account_lines(tx, account, before=before, limit=limit)]


async def lines_of_order(tx: Tx, order_id: UUID) -> list[PostedLine]:
    """Everything booked for one order, oldest first (reversals included)."""
    return [_line(row) for row in await store.postings_of_order(tx, order_id)]


async def audit(tx: Tx) -> tuple[dict[tuple[str, str], int], list[str]]:
    """The trial balance {(account, currency): sum in minor units}, and the deposits whose balance has drifted."""
    sums = {(row.account, row.currency): row.amount_minor for row in await store.sums(tx)}
    return sums, [row.code for row in await store.drifted(tx)]


def _line(row: Row) -> PostedLine:
    return PostedLine(
        row.id,
        row.place,
        row.kind,
        row.at,
        row.account,
        row.amount_minor,
        row.currency,
        row.item_id,
        row.order_id,
        row.memo,
    )
