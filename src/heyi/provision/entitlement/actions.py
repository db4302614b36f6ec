"""What rights can do: lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra.db import Tx
from heyi.kernel.facts import Fact
from heyi.provision.entitlement import facts, rules, store
from heyi.provision.entitlement.model import Grant


async def grant(tx: Tx, grants: Sequence[Grant], *, now: datetime) -> list[Fact]:
    """Put rights and their first terms into the buyers' wallets. One statement for the batch, safe in a pipeline.

    Answers the facts of those that are usable at once (vouchers); the caller writes them to the outbox.
    """
    if not grants:
        return []
    await store.insert(tx, grants, now=now)
    return [facts.granted_active(g) for g in grants if rules.first_state(g.part, g.item_state) == "active"]
