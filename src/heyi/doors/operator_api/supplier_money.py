"""Our money at suppliers: what was put in, what was spent, what they say is left, and how long it lasts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, patch, post
from msgspec import Meta

from heyi.doors.access import FINANCE, Caller
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.deposits import PostedLineShape, line_shape
from heyi.doors.operator_api.suppliers import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, before_part, paged, paged_by_part
from heyi.doors.shapes import Body, Currency, Line, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.flows import balances as flow
from heyi.flows.balances import Purse
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.provision.fulfilment import balances
from heyi.provision.fulfilment.balances import Look
from heyi.settle import ledger
from heyi.settle.ledger.model import prepaid_at

Pays = Literal["prepaid", "postpaid"]
SignedMinor = Annotated[int, Meta(ge=-(10**15), le=10**15, description="minor units; below zero: it lost them")]


class SupplierTopUpBody(Body):
    """Money sent to a supplier. `key` is your own reference (a bank slip); it counts once."""

    amount: MoneyBody
    key: Short
    memo: Line = "top-up"


class SignedMoneyBody(Body):
    amount_minor: SignedMinor
    currency: Currency


class AdjustmentBody(Body):
    """What the account there gained or lost without heyi: bought by hand, fees, gifts. `key` counts once."""

    amount: SignedMoneyBody
    key: Short
    memo: Line


class CorrectionBody(Body):
    """A top-up or adjustment (lge_…) was a mistake: its reversing entry is written, once."""

    entry: Short
    memo: Line


class TermsBody(Body):
    """prepaid: bought from what was put in. postpaid: owed for; its balance is not asked for. From now on."""

    pays: Pays


class BurnShape(Shape):
    """Spent in minor units an hour over the last hour, day and seven days (or since the first booking, an hour at
    least), from bookings, to five minutes."""

    hour_minor: int
    day_minor: int
    week_minor: int


class SupplierBalanceShape(Shape):
    """`booked` = `paid_in` - `spent`. `in_flight`: what may have been bought and is not known to be delivered.
    `reported`: the supplier's last word, at `reported_at`; `difference` is how much more (or less) it was than the
    books and what is in flight can explain. `left` is the reported one while that is fresh, else booked less in flight.
    `hours_left`: at the higher one of the last day's and week's rates; `hours_left_now`: at the last hour's.
    """

    supplier: str
    code: str
    pays: Pays
    booked: MoneyShape
    paid_in: MoneyShape
    spent: MoneyShape
    in_flight: MoneyShape
    in_flight_count: int
    reported: MoneyShape | None
    reported_at: datetime | None
    difference: MoneyShape | None
    problem: str | None
    left: MoneyShape | None
    burn: BurnShape
    hours_left: int | None
    hours_left_now: int | None


class LookShape(Shape):
    """One look at our balance there. `difference`: what the supplier had more (or less, below zero) than `booked`, less
    anything up to `in_flight`, explains; null with `problem` when it did not tell."""

    id: str
    at: datetime
    reported: MoneyShape | None
    booked: MoneyShape
    in_flight: MoneyShape
    difference: MoneyShape | None
    problem: str | None
    duration_ms: int


def balance_shape(one: Purse) -> SupplierBalanceShape:
    currency, burn, heard, left = (
        one.prepaid.balance.currency, one.prepaid.burn, one.summary.heard, one.summary.left_minor,
    )  # fmt: skip

    def shown(minor: int | None) -> MoneyShape | None:
        return None if minor is None else MoneyShape(amount_minor=minor, currency=currency)

    def sure(minor: int) -> MoneyShape:
        return MoneyShape(amount_minor=minor, currency=currency)

    return SupplierBalanceShape(
        supplier=to_text("sup", one.supplier.id), code=one.supplier.code,
        pays="prepaid" if one.pays == "prepaid" else "postpaid", booked=sure(one.books.booked_minor),
        paid_in=sure(one.prepaid.paid_in_minor), spent=sure(one.prepaid.spent_minor),
        in_flight=sure(one.books.in_flight_minor), in_flight_count=one.numbers,
        reported=shown(heard.reported_minor) if heard else None, reported_at=heard.at if heard else None,
        difference=shown(heard.difference_minor) if heard else None, problem=one.summary.problem or None,
        left=shown(left), burn=BurnShape(hour_minor=burn.hour_minor, day_minor=burn.day_minor,
                                         week_minor=burn.week_minor),
        hours_left=burn.hours_left(left), hours_left_now=burn.hours_left_now(left),
    )  # fmt: skip


def look_shape(one: Look) -> LookShape:
    def shown(minor: int | None) -> MoneyShape | None:
        return None if minor is None else money(Money(minor, one.currency))

    return LookShape(
        id=to_text("bal", one.id), at=one.at, reported=shown(one.reported_minor),
        booked=money(Money(one.booked_minor, one.currency)), in_flight=money(Money(one.in_flight_minor, one.currency)),
        difference=shown(one.difference_minor), problem=one.problem, duration_ms=one.duration_ms,
    )  # fmt: skip


@get("/suppliers/{supplier_id:str}/balance", guards=[READ], tags=["money"],
     summary="What we have at a supplier, how fast it is spent and how long it lasts")  # fmt: skip
async def get_supplier_balance(supplier_id: str, tools: Tools) -> SupplierBalanceShape:
    async with tools.db.reading() as tx:
        return balance_shape(await flow.purse(tx, tools, id_in("sup", supplier_id)))


@patch("/suppliers/{supplier_id:str}/balance", guards=[FINANCE], tags=["money"], summary="Prepaid or postpaid")
async def set_supplier_terms(supplier_id: str, data: TermsBody, tools: Tools) -> SupplierBalanceShape:
    async with tools.db.transaction() as tx:
        await balances.set_terms(tx, id_in("sup", supplier_id), data.pays)
        return balance_shape(await flow.purse(tx, tools, id_in("sup", supplier_id)))


@post("/suppliers/{supplier_id:str}/top_ups", guards=[FINANCE], status_code=200, tags=["money"],
      summary="Book money sent to a supplier")  # fmt: skip
async def top_up_supplier(
    supplier_id: str, data: SupplierTopUpBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SupplierBalanceShape:
    supplier, paid = id_in("sup", supplier_id), Money(data.amount.amount_minor, data.amount.currency)
    async with tools.db.transaction() as tx:
        memo = f"{data.memo} ({caller.name})"
        await ledger.prepaid.put_in(tx, supplier, paid, key=data.key, memo=memo, now=tools.clock.now())
        return balance_shape(await flow.purse(tx, tools, supplier))


@post("/suppliers/{supplier_id:str}/adjustments", guards=[FINANCE], status_code=200, tags=["money"],
      summary="Book what the account there gained or lost without heyi")  # fmt: skip
async def adjust_supplier(
    supplier_id: str, data: AdjustmentBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SupplierBalanceShape:
    supplier, change = id_in("sup", supplier_id), Money(data.amount.amount_minor, data.amount.currency)
    async with tools.db.transaction() as tx:
        memo = f"{data.memo} ({caller.name})"
        await ledger.prepaid.adjust(tx, supplier, change, key=data.key, memo=memo, now=tools.clock.now())
        return balance_shape(await flow.purse(tx, tools, supplier))


@post("/suppliers/{supplier_id:str}/corrections", guards=[FINANCE], status_code=200, tags=["money"],
      summary="Reverse a top-up or an adjustment that was a mistake")  # fmt: skip
async def correct_supplier(
    supplier_id: str, data: CorrectionBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SupplierBalanceShape:
    supplier = id_in("sup", supplier_id)
    async with tools.db.transaction() as tx:
        memo = f"{data.memo} ({caller.name})"
        await ledger.prepaid.correct(tx, supplier, id_in("lge", data.entry), memo=memo, now=tools.clock.now())
        return balance_shape(await flow.purse(tx, tools, supplier))


@get("/suppliers/{supplier_id:str}/balance/lines", guards=[READ], tags=["money"],
     summary="Everything booked at a supplier, newest first")  # fmt: skip
async def list_supplier_lines(
    supplier_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[PostedLineShape]:
    account = prepaid_at(id_in("sup", supplier_id))
    async with tools.db.reading() as tx:
        lines = await ledger.lines(tx, account, before=before_part(cursor), limit=limit + 1)
    return paged_by_part(lines, limit, line_shape, part_of=lambda line: (line.entry_id, line.place))


@get("/suppliers/{supplier_id:str}/balance/looks", guards=[READ], tags=["money"],
     summary="What the supplier said we have there, compared with the books, newest first")  # fmt: skip
async def list_supplier_looks(
    supplier_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[LookShape]:
    async with tools.db.reading() as tx:
        found = await balances.page(tx, id_in("sup", supplier_id), before=before(cursor), limit=limit + 1)
    return paged(found, limit, look_shape)


@post("/suppliers/{supplier_id:str}/balance/looks", guards=[WRITE], status_code=200, tags=["money"],
      opt={"stores_no_answer": True}, summary="Ask for our balance now, and compare it")  # fmt: skip
async def look_at_supplier(supplier_id: str, tools: Tools) -> LookShape:
    return look_shape(await flow.look(tools, id_in("sup", supplier_id)))


HANDLERS = [
    get_supplier_balance, set_supplier_terms, top_up_supplier, adjust_supplier, correct_supplier, list_supplier_lines,
    list_supplier_looks, look_at_supplier,
]  # fmt: skip
