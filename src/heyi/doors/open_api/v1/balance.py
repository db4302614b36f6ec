"""The channel's deposit."""

from __future__ import annotations

from litestar import get

from heyi.doors.access import Caller, allow
from heyi.doors.shapes import MoneyShape, Shape, money
from heyi.infra.tools import Tools
from heyi.settle import ledger


class BalanceShape(Shape):
    """`balance` is what was paid in and not spent; `spendable` adds the credit line, if there is one."""

    balance: MoneyShape | None
    spendable: MoneyShape | None


@get("/balance", guards=[allow("channel", "balance:read")], summary="The channel's deposit", tags=["orders"])
async def get_balance(caller: Caller, tools: Tools) -> BalanceShape:
    async with tools.db.reading() as tx:
        deposit = (await ledger.deposits(tx, [caller.id])).get(caller.id)
    if deposit is None:
        return BalanceShape(balance=None, spendable=None)
    spendable = MoneyShape(amount_minor=deposit.spendable_minor, currency=deposit.balance.currency)
    return BalanceShape(balance=money(deposit.balance), spendable=spendable)


HANDLERS = [get_balance]
