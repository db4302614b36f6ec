"""Pure: what the end of an attempt asks of the other contexts, and what the supplier really charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heyi.kernel.money import Money
from heyi.kernel.talk import Delivered
from heyi.provision.fulfilment.errand import Loss, Outcome, Result, Ruling, Standing
from heyi.provision.fulfilment.model import Request


def charged(result: Result, was: Standing) -> Money:
    """What the supplier says now; else what it said when it accepted; else what its offer cost when we asked. The
    task's own cost comes last: it may stand at another offer by now."""
    request = result.errand.request
    answer = result.spoiled or result.answer
    said = answer.cost_minor if isinstance(answer, Delivered) else None
    known = request.cost_minor if was.cost_minor is None else was.cost_minor
    return Money(known if said is None else said, request.currency)


def losses(ruled: Sequence[tuple[Result, Standing, Ruling]]) -> list[Loss]:
    """What the listed differences among these cost, and what was delivered to no use (each attempt counts once)."""
    return [
        Loss(r.errand.order_id, r.errand.item_id, r.errand.attempt_id, r.errand.account.id, charged(r, was),
             r.errand.account.prepaid)
        for r, was, ruling in ruled if ruling.difference or r.spoiled
    ]  # fmt: skip


def outcome(result: Result, was: Standing, ruling: Ruling) -> Outcome:
    """What becomes of the item."""
    errand, request = result.errand, result.errand.request
    moved = Outcome(
        errand.lane, errand.order_id, errand.item_id, errand.entitlement_id, ruling.item or "", ruling.problem
    )
    if ruling.item != "deliver":
        return moved
    cost, account = charged(result, was), errand.account
    return replace(moved, share=earned(request), cost=cost, party=account.id, prepaid=account.prepaid)


def earned(request: Request) -> Money | None:
    """What delivery earns: the item's share, unless it is earned by use."""
    return Money(request.share_minor, request.currency) if request.earn_on == "delivery" else None
