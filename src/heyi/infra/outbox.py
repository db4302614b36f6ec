"""Afterwards is a fact: what happened is written in the same transaction, and the relay acts on it later.

Facts are insert-only. One row in `infra.unrelayed` per transaction carries the ids of its facts; the relay claims
such rows with `skip locked`, hands the facts to the handlers of flows/map.py, and deletes the row. Nobody tails
facts by id or time: a late commit would be missed.
"""

from __future__ import annotations

from collections.abc import Sequence
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


async def claim(tx: Tx, *, transactions_max: int) -> tuple[list[UUID], list[Fact]]:
    """The oldest unrelayed transactions nobody else is relaying: their row ids, and their facts in order."""
    rows = await tx.rows(SQL["claim_unrelayed"], most=transactions_max)
    fact_ids = [fact_id for row in rows for fact_id in row.fact_ids]
    return [row.id for row in rows], await read(tx, fact_ids)


async def relayed(tx: Tx, unrelayed_ids: Sequence[UUID]) -> None:
    """These transactions' facts have been handed on."""
    await tx.run(SQL["delete_unrelayed"], ids=col(unrelayed_ids))


async def read(tx: Tx, fact_ids: Sequence[UUID]) -> list[Fact]:
    """Facts by id, oldest first."""
    return [fact_of(row) for row in await tx.rows(SQL["read_facts"], ids=col(fact_ids))]


def fact_of(row: Row) -> Fact:
    """A fact from a row of infra.facts."""
    return Fact(
        name=row.name, data=row.data, lane=row.lane, order_id=row.order_id, item_id=row.item_id,
        entitlement_id=row.entitlement_id, channel_id=row.channel_id, partner_id=row.partner_id,
        buyer=row.buyer, id=row.id, at=row.at,
    )  # fmt: skip
