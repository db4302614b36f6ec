"""Rights by the numbers under which they were bought, and the other way round: read only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from heyi.infra.db import Tx, col, queries, text_col
from heyi.kernel.ids import lane_of

SQL = queries(__file__, "queries_numbers.sql")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A right that was bought under a number, with the item it belongs to."""

    number: str
    entitlement_id: UUID


async def by_outer_number(tx: Tx, numbers: Iterable[str]) -> list[Numbered]:
    """Rights by our own numbers at suppliers."""
    asked = sorted(set(numbers))
    rows = await tx.rows(SQL["by_outer_number"], numbers=text_col(asked)) if asked else []
    return [Numbered(row.number, row.entitlement_id) for row in rows]


async def by_supplier_number(tx: Tx, numbers: Iterable[str]) -> list[Numbered]:
    """Rights by suppliers' numbers; two suppliers may use the same one, so a number may name several."""
    asked = sorted(set(numbers))
    rows = await tx.rows(SQL["by_supplier_number"], numbers=text_col(asked)) if asked else []
    return [Numbered(row.number, row.entitlement_id) for row in rows]


async def delivered_under(tx: Tx, rights: Mapping[UUID, UUID]) -> dict[UUID, str]:
    """The outer number under which each right ({entitlement: order}) was delivered, where a supplier did it."""
    ids: Sequence[UUID] = sorted(rights, key=lambda id: (lane_of(id), id.int))
    if not ids:
        return {}
    rows = await tx.rows(
        SQL["delivered_under"], lanes=col(lane_of(i) for i in ids), orders=col(rights[i] for i in ids), ids=col(ids)
    )
    return {row.entitlement_id: row.outer_number for row in rows}
