"""What the vault's tests need: keys put in by hand, and looks at what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import bytes_col, col, text_col
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.kernel.masking import mask
from heyi.kernel.money import Money
from heyi.provision.stock import cards, store

COST = Money(1250, "CNY")
PUT = """
insert into stock.keys (id, batch_id, benefit_id, state, expires_at, tail, sealed)
select k.id, %(batch)s, %(benefit)s, 'available', coalesce(%(expires)s::timestamptz, 'infinity'), k.tail, k.sealed
from unnest(%(ids)s::uuid[], %(tails)s::text[], %(sealed)s::bytea[]) as k (id, tail, sealed)
"""


async def put_keys(
    tools: Tools, benefit: UUID, codes: Sequence[str], *, expires: datetime | None = None, batch: str | None = None
) -> list[UUID]:
    """Available keys of one benefit, in the order of `codes`."""
    now = tools.clock.now()
    ids = new_ids(millis(now), len(codes))
    code = batch or f"batch-{benefit}"
    async with tools.db.transaction() as tx:
        row = (await store.ensure_batches(tx, tools.sealing, [(code, benefit, COST)], source="imported", now=now))[code]
        key = cards.data_key(tools.sealing, row.data_key)
        await tx.run(
            PUT, batch=row.id, benefit=benefit, expires=expires, ids=col(ids), tails=text_col(map(mask, codes)),
            sealed=bytes_col(key.seal(cards.packed(c, None), i.bytes) for i, c in zip(ids, codes, strict=True)),
        )  # fmt: skip
    return ids


async def states(tools: Tools, benefit: UUID) -> Counter[str]:
    """How many keys of a benefit are in which state."""
    async with tools.db.reading() as tx:
        rows = await tx.rows("select state from stock.keys where benefit_id = %(benefit)s", benefit=benefit)
    return Counter(row.state for row in rows)
