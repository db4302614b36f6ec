"""The only SQL of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.ids import from_text
from heyi.offer.catalog.model import Document

SQL = queries(__file__)


async def read_sale(tx: Tx, keys: Sequence[tuple[str, int | None, UUID]]) -> list[Row]:
    """Where the sale of (bundle code or id, version or None for the current, channel) stands; n counts from 1."""
    ids = [from_text("bnd", bundle) for bundle, _, _ in keys]
    return await tx.rows(
        SQL["on_sale"],
        ids=col(ids),
        codes=text_col(None if id else bundle for id, (bundle, _, _) in zip(ids, keys, strict=True)),
        versions=col(version for _, version, _ in keys),
        channels=col(channel for _, _, channel in keys),
    )


async def read_documents(tx: Tx, wanted: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], Document]:
    """The documents of these (bundle, version)s."""
    rows = await tx.rows(
        SQL["read_documents"], bundles=col(bundle for bundle, _ in wanted), versions=col(v for _, v in wanted)
    )
    return {(row.bundle_id, row.version): document_of(row.document) for row in rows}


def document_of(stored: object) -> Document:
    """A version's document out of its jsonb."""
    return msgspec.convert(stored, Document)


def json_of(value: object) -> str:
    """Plain dataclasses as JSON text for a jsonb column."""
    return msgspec.json.encode(value).decode()
