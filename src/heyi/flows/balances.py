"""Our money at suppliers: every few minutes they are asked what we have there, and that is compared with the books.

What is low, runs out soon or does not agree becomes a warning.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import structlog

from heyi.flows import resolve
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import accounts, balances
from heyi.provision.fulfilment.accounts import Supplier
from heyi.provision.fulfilment.balances import Books, Look, Summary
from heyi.provision.fulfilment.errors import SupplierUnusable
from heyi.provision.fulfilment.suppliers.speech import Balance
from heyi.settle import ledger
from heyi.settle.ledger.model import Prepaid
from heyi.watch import warning

log = structlog.get_logger("heyi.balances")


@dataclass(frozen=True, slots=True)
class Purse:
    """Everything that is known of our money at one supplier. `numbers` are in flight."""

    supplier: Supplier
    pays: str
    prepaid: Prepaid
    books: Books
    numbers: int
    summary: Summary

    @property
    def watched(self) -> bool:
        """Whether it matters what is left there."""
        return self.pays == "prepaid" and self.supplier.state == "active"


async def run(tools: Tools) -> int:
    """Look at the accounts that are due; answers how many. A supplier that is slow holds up nobody else. What was said
    of accounts that nobody looks at any more is over."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        due = await balances.claim_due(tx, now=now)
    async with tools.db.transaction() as tx:
        alone = [to_text("sup", id) for id in await balances.left_alone(tx)]
        await outbox.write(tx, await warning.leave_money(tx, alone, now=now), now=now)
    for supplier_id, end in zip(due, await asyncio.gather(*(look(tools, id) for id in due), return_exceptions=True),
                                strict=True):  # fmt: skip
        if isinstance(end, BaseException):
            log.error("a balance could not be looked at", supplier=to_text("sup", supplier_id), exc_info=end)
    return len(due)


async def look(tools: Tools, supplier_id: UUID) -> Look:
    """Ask a supplier for our balance, compare it with the books, warn if need be. Raises SupplierNotFound."""
    async with tools.db.reading() as tx:
        before = await purse(tx, tools, supplier_id)
    said, duration_ms = await _asked(tools, supplier_id)
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        after = await purse(tx, tools, supplier_id)
        said = _comparable(said, after.prepaid)
        kept = await balances.keep(
            tx, supplier_id, said.fen, said.why, before.books, after.books, currency=after.prepaid.balance.currency,
            duration_ms=duration_ms, now=now, wall=tools.clock.wall(),
        )  # fmt: skip
        one = await purse(tx, tools, supplier_id)
        if one.watched:
            facts = await warning.watch_money(tx, [_reading(one, asked=not said.untold)], now=now)
        else:
            facts = await warning.leave_money(tx, [to_text("sup", supplier_id)], now=now)
        await outbox.write(tx, facts, now=now)
    return kept


def _comparable(said: Balance, prepaid: Prepaid) -> Balance:
    """Their balance, or why it says nothing beside our books."""
    books = prepaid.balance.currency
    if said.fen is None or said.currency == books:
        return said
    return Balance(None, f"their balance is in {said.currency} and the books are in {books}: they are not compared")


async def _asked(tools: Tools, supplier_id: UUID) -> tuple[Balance, int]:
    try:
        return await resolve.check(tools, supplier_id)
    except SupplierUnusable as refused:
        return Balance(None, refused.sentence("en")), 0


async def purse(tx: Tx, tools: Tools, supplier_id: UUID) -> Purse:
    """What we have at a supplier, by the books and by its last word. Raises SupplierNotFound.

    What is in flight is read first: a delivery between the two statements is then counted twice, never not at all.
    """
    now = tools.clock.now()
    supplier = await accounts.find(tx, tools.sealing, supplier_id, public_url=tools.settings.public_url)
    pays = await balances.terms(tx, supplier_id)
    numbers, in_flight = await balances.in_flight(tx, supplier_id)
    booked = (await ledger.prepaid.balances(tx, [supplier_id], now=now)).get(supplier_id)
    prepaid = booked or ledger.prepaid.none(supplier_id, "CNY", now)
    books = Books(prepaid.balance.amount_minor, in_flight)
    looks = await balances.recent(tx, supplier_id, prepaid.balance.currency, now=now)
    summary = balances.summary(looks, books if booked else None, now)
    return Purse(supplier, pays, prepaid, books, numbers, summary)


def _reading(one: Purse, *, asked: bool) -> warning.MoneyReading:
    burn, left = one.prepaid.burn, one.summary.left_minor
    return warning.MoneyReading(
        to_text("sup", one.supplier.id), one.supplier.code, one.prepaid.balance.currency, left, burn.usual_minor,
        burn.hours_left(left), burn.hours_left_now(left), one.summary.differences,
        one.summary.unread if asked else 0, one.summary.problem,
    )  # fmt: skip
