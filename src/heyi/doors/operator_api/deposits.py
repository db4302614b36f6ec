"""Channels' deposits and the books."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import FINANCE, Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before_part, paged_by_part
from heyi.doors.shapes import Body, Line, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import partner
from heyi.settle import ledger
from heyi.settle.ledger.errors import NoDeposit
from heyi.settle.ledger.model import Deposit, PostedLine, deposit_of


class TopUpBody(Body):
    """Money received from a channel. `key` is the operator's own reference (a bank slip); it counts once."""

    amount: MoneyBody
    key: Short
    memo: Line = "deposit"


class FloorBody(Body):
    """The balance may go down to this; below zero it is a credit line. Minor units."""

    floor_minor: Annotated[int, Meta(ge=-(10**15), le=10**15)]


class DepositShape(Shape):
    channel: str
    balance: MoneyShape
    floor_minor: int
    spendable_minor: int


class PostedLineShape(Shape):
    """A posting: a debit is positive, a credit negative."""

    entry: str
    kind: str
    at: datetime
    account: str
    amount: MoneyShape
    order: str | None
    item: str | None
    memo: str


class SumShape(Shape):
    account: str
    currency: str
    amount_minor: int


class AuditShape(Shape):
    """`balanced`: all sums add up to zero per currency and no deposit has drifted from its postings."""

    balanced: bool
    drifted: list[str]
    sums: list[SumShape]


def deposit_shape(deposit: Deposit) -> DepositShape:
    return DepositShape(
        channel=to_text("chn", deposit.channel_id), balance=money(deposit.balance), floor_minor=deposit.floor_minor,
        spendable_minor=deposit.spendable_minor,
    )  # fmt: skip


def line_shape(line: PostedLine) -> PostedLineShape:
    return PostedLineShape(
        entry=to_text("lge", line.entry_id), kind=line.kind, at=line.at, account=line.account,
        amount=money(Money(line.amount_minor, line.currency)),
        order=None if line.order_id is None else to_text("ord", line.order_id),
        item=None if line.item_id is None else to_text("itm", line.item_id), memo=line.memo,
    )  # fmt: skip


@post("/channels/{channel_id:str}/deposit", guards=[FINANCE], status_code=200,
      summary="Book money received from a channel", tags=["money"])  # fmt: skip
async def top_up(
    channel_id: str, data: TopUpBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> DepositShape:
    channel = id_in("chn", channel_id)
    async with tools.db.transaction() as tx:
        await partner.read_party(tx, "channel", channel)
        paid = Money(data.amount.amount_minor, data.amount.currency)
        deposit = await ledger.top_up(
            tx, channel, paid, key=data.key, memo=f"{data.memo} ({caller.name})", now=tools.clock.now()
        )
    return deposit_shape(deposit)


@get("/channels/{channel_id:str}/deposit", guards=[allow("operator", "operator:read")], summary="A channel's deposit",
     tags=["money"])  # fmt: skip
async def get_deposit(channel_id: str, tools: Tools) -> DepositShape:
    channel = id_in("chn", channel_id)
    async with tools.db.reading() as tx:
        await partner.read_party(tx, "channel", channel)
        deposit = (await ledger.deposits(tx, [channel])).get(channel)
    if deposit is None:
        raise NoDeposit
    return deposit_shape(deposit)


@patch("/channels/{channel_id:str}/deposit", guards=[FINANCE],
       summary="Set how low a deposit may go", tags=["money"])  # fmt: skip
async def set_floor(channel_id: str, data: FloorBody, tools: Tools) -> DepositShape:
    async with tools.db.transaction() as tx:
        return deposit_shape(await ledger.set_floor(tx, id_in("chn", channel_id), data.floor_minor))


@get("/channels/{channel_id:str}/deposit/lines", guards=[allow("operator", "operator:read")],
     summary="A deposit's postings, newest first", tags=["money"])  # fmt: skip
async def deposit_lines(
    channel_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[PostedLineShape]:
    account = deposit_of(id_in("chn", channel_id))
    async with tools.db.reading() as tx:
        lines = await ledger.lines(tx, account, before=before_part(cursor), limit=limit + 1)
    return paged_by_part(lines, limit, line_shape, part_of=lambda line: (line.entry_id, line.place))


@get("/ledger/lines", guards=[allow("operator", "operator:read")], summary="An account's postings, newest first",
     tags=["money"])  # fmt: skip
async def account_lines(
    account: Annotated[str, Parameter(min_length=1, max_length=100)],
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PostedLineShape]:
    async with tools.db.reading() as tx:
        lines = await ledger.lines(tx, account, before=before_part(cursor), limit=limit + 1)
    return paged_by_part(lines, limit, line_shape, part_of=lambda line: (line.entry_id, line.place))


@get("/ledger/audit", guards=[allow("operator", "operator:read")], summary="The trial balance", tags=["money"])
async def audit(tools: Tools) -> AuditShape:
    async with tools.db.transaction() as tx:
        sums, drifted = await ledger.audit(tx)
    whole: dict[str, int] = {}
    for (_, currency), amount in sums.items():
        whole[currency] = whole.get(currency, 0) + amount
    return AuditShape(
        balanced=not drifted and not any(whole.values()), drifted=drifted,
        sums=[SumShape(account=a, currency=c, amount_minor=amount) for (a, c), amount in sums.items()],
    )  # fmt: skip


HANDLERS = [get_deposit, top_up, set_floor, deposit_lines, account_lines, audit]
