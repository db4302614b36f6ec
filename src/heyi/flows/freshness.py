"""How fresh the partners' words about rights are, for whoever looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.provision import usage
from heyi.provision.entitlement import Right


async def of(tx: Tx, rights: Sequence[Right], *, now: datetime) -> dict[UUID, str]:
    """yes, stale, never_heard or not_expected for each of these rights."""
    promises = await usage.sources.promises(tx, {right.partner_id for right in rights})
    return {
        right.id: usage.fresh(right.state, right.provider_heard_at, promises.get(right.partner_id), now)
        for right in rights
    }
