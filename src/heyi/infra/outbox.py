"""Afterwards is a fact: what happened is written in the same transaction, and the relay acts on it later.

Facts are insert-only. One row in `infra.unrelayed` per transaction carries the ids of its facts; the relay claims
such rows with `skip locked`, hands the facts to the handlers of flows/map.py, and deletes the row. Nobody tails
facts by id or time: a late commit would be missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_ids

SQL = queries(__file__, "outbox.sql")
_encode = msgspec.json.Encoder().encode


async def write(tx: Tx, facts: Sequence[Fact], *, now: datetime) -> None:
    """Write facts in one statement, in the order given. Safe inside a pipeline; nothing happens for none."""
    if not facts:
        return
    ids = [fact.id or fresh for fact, fresh in zip(facts, new_ids(millis(now), len(facts)), strict=True)]
    await tx.send(
        SQL["write_facts"],
        ids=col(ids),
        names=text_col(f.name for f in facts),
        lanes=col(f.lane for f in facts),
        ats=time_col(f.at or now for f in facts),
        orders=col(f.order_id for f in facts),
        items=col(f.item_id for f in facts),
        entitlements=col(f.entitlement_id for f in facts),
        channels=col(f.channel_id for f in facts),
        partners=col(f.partner_id for f in facts),
        buyers=text_col(f.buyer for f in facts),
        data=text_col(_encode(f.data).decode() for f in facts),
        now=now,
    )


@dataclass(frozen=True, slots=True)
class Claimed:
    """Unrelayed transactions in our hands: their row ids, when the oldest was written, and (fact id, name) in order."""

    ids: Sequence[UUID]
    oldest: datetime | None
    facts: Sequence[tuple[UUID, str]]


async def claim(tx: Tx, *, transactions_max: int) -> Claimed:
    """The oldest unrelayed transactions nobody else is relaying."""
    rows = await tx.rows(SQL["claim_unrelayed"], most=transactions_max)
    if not rows:
        return Claimed((), None, ())
    names = await tx.rows(SQL["read_names"], ids=col(fact_id for row in rows for fact_id in row.fact_ids))
    return Claimed([row.id for row in rows], min(row.at for row in rows), [(row.id, row.name) for row in names])


async def relayed(tx: Tx, unrelayed_ids: Sequence[UUID]) -> None:
    """These transactions' facts have been handed on."""
    await tx.run(SQL["delete_unrelayed"], ids=col(unrelayed_ids))


async def read(tx: Tx, fact_ids: Sequence[UUID]) -> list[Fact]:
    """Facts by id, oldest first."""
    return [fact_of(row) for row in await tx.rows(SQL["read_facts"], ids=col(fact_ids))]


async def of_order(tx: Tx, order_id: UUID, *, most: int = 2000) -> list[Fact]:
    """What happened to one order, oldest first; at most `most` facts."""
    return [fact_of(row) for row in await tx.rows(SQL["read_order"], order_id=order_id, most=most)]


def fact_of(row: Row) -> Fact:
    """A fact from a row of infra.facts."""
    return Fact(
        name=row.name, data=row.data, lane=row.lane, order_id=row.order_id, item_id=row.item_id,
        entitlement_id=row.entitlement_id, channel_id=row.channel_id, partner_id=row.partner_id,
        buyer=row.buyer, id=row.id, at=row.at,
    )  # fmt: skip
