"""What happened to tasks is carried into orders, rights, books and the outbox, in the transaction that recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.order import checkout
from heyi.order.checkout import ItemMove
from heyi.provision import entitlement
from heyi.provision.entitlement import Arrival
from heyi.provision.fulfilment.errand import Loss, Outcome
from heyi.settle import ledger


async def settle(
    tx: Tx, tools: Tools, outcomes: Sequence[Outcome], facts: Sequence[Fact], losses: Sequence[Loss] = (), *,
    now: datetime,
) -> None:  # fmt: skip
    """Carry what happened to tasks into orders, rights, books and the outbox, in the transaction that recorded it."""
    told = list(facts)
    if outcomes:
        told += await checkout.move_items(
            tx, [ItemMove(o.lane, o.order_id, o.item_id, o.move, o.problem, o.due_at) for o in outcomes], now=now
        )
        told += await entitlement.arrive(tx, [_arrival(o) for o in outcomes if o.concerns_right], now=now)
    if not told and not outcomes and not losses:
        return
    async with tx.pipeline():
        await outbox.write(tx, told, now=now)
        await ledger.earn(
            tx, [ledger.Earning(o.order_id, o.item_id, o.share, f"delivered:{o.item_id}") for o in outcomes if o.share],
            now=now,
        )  # fmt: skip
        await ledger.accrue(tx, _costs(outcomes, losses), now=now)


def _costs(outcomes: Sequence[Outcome], losses: Sequence[Loss]) -> list[ledger.Cost]:
    return [
        ledger.Cost(o.order_id, o.item_id, o.party, o.cost, f"delivered:{o.item_id}", o.prepaid)
        for o in outcomes if o.cost and o.party
    ] + [
        ledger.Cost(one.order_id, one.item_id, one.party, one.cost, f"difference:{one.attempt_id}", one.prepaid, True)
        for one in losses
    ]  # fmt: skip


def _arrival(o: Outcome) -> Arrival:
    assert o.entitlement_id is not None
    return Arrival(
        o.lane, o.entitlement_id, failed=o.move == "fail", cancelled=o.move == "cancel",
        key_expires_at=o.key_expires_at, wants_buyer=o.move == "want_buyer" and o.asks is None,
        begun=o.move in ("start", "want_stock"), still=o.move == "schedule", asks=o.asks,
    )  # fmt: skip
