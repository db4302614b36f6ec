"""START HERE. What happens *later*: which fact starts what, in the order life happens.

Immediate steps are plain calls in the flow that you are reading (buy, deliver, redeem …): they are part of its
transaction. Everything else is in this file. A transaction writes facts; the relay (relay.py) claims them, and each
handler below gets them as a background job, in batches, usually within a second.

A handler takes (tools, facts) and may run twice on the same facts: it is idempotent by key. It opens its own
transactions. A handler that fails is tried again with growing gaps, for ever.

Every fact that a context can state is in LATER, or in UNHEARD with the reason; a test holds us to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from heyi.flows import (
    attention,
    balances,
    expire,
    housekeeping,
    lookout,
    post,
    release,
    report,
    restock,
    shelves,
    supply_tell,
    sync,
    tell,
)
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact

Handler = Callable[[Tools, Sequence[Fact]], Awaitable[object]]

LATER: tuple[tuple[str, Handler], ...] = (
    # a channel bought
    ("order.paid", tell.those_concerned),
    # its parts arrive, or wait, or do not
    ("item.delivered", tell.those_concerned),
    ("item.delivered", report.reconsider),
    ("item.waiting", tell.those_concerned),
    ("item.waiting", supply_tell.nobody_to_ask),
    ("item.chosen", tell.those_concerned),
    ("item.failed", tell.those_concerned),
    ("item.failed", release.release_waiting),
    ("item.failed", report.reconsider),
    ("item.cancelled", tell.those_concerned),
    ("item.cancelled", release.release_waiting),
    ("delivery.notice", tell.those_concerned),
    ("order.fulfilled", tell.those_concerned),
    ("order.fulfilled", supply_tell.those_who_bought),
    ("stock.arrived", restock.arrived),
    # the buyer uses them
    ("entitlement.activated", tell.those_concerned),
    ("entitlement.activated", release.release_waiting),
    ("entitlement.activated", report.reconsider),
    ("key.revealed", tell.those_concerned),
    ("entitlement.held", tell.those_concerned),
    ("entitlement.freed", tell.those_concerned),
    ("entitlement.freed", report.reconsider),
    ("redemption.redeemed", tell.those_concerned),
    ("redemption.redeemed", release.release_waiting),
    ("redemption.released", tell.those_concerned),
    ("redemption.released", report.reconsider),
    ("redemption.expired", tell.those_concerned),
    ("redemption.expired", report.reconsider),
    ("redemption.reversed", tell.those_concerned),
    ("redemption.reversed", report.reconsider),
    # and they end
    ("entitlement.ended", tell.those_concerned),
    ("entitlement.ended", release.release_waiting),
    ("entitlement.ended", report.reconsider),
    # telling others did not work
    ("webhook.disabled", tell.those_concerned),
    # operators are warned
    ("warning.raised", tell.those_concerned),
    ("warning.cleared", tell.those_concerned),
)

# Facts that nothing follows, and why.
UNHEARD: Mapping[str, str] = {
    "item.started": "the task says more, and the item's end follows",
    "item.scheduled": "the order said so when it was paid",
    "delivery.decided": "the timeline shows it, with its reasons; what follows from it is told",
    "redemption.prepared": "the till has its answer; confirm, release or expiry follows within minutes",
    "stock.quarantined": "an operator did it and sees it; nothing can be delivered because of it",
    "stock.released": "stock.arrived is stated beside it",
    "stock.voided": "an operator did it and sees it",
    "task.unknown": "fulfilment keeps asking by itself; the timeline shows it",
    "task.declined": "fulfilment tries again by itself; the timeline shows it",
    "task.waiting_for_person": "people look at `heyi task list`",
    "task.difference": "people look at the list of differences",
    "task.resolved": "what the person decided moves the item, and that is told",
    "task.difference_settled": "a person did it and sees it",
    "usage.drifted": "the lookout warns of them, people look at `heyi drift list`; the timeline shows it",
    "usage.settled": "what was repaired moves the right, and that is told; the timeline shows it",
}

# What the clock starts: (cron, with seconds as a sixth field, handler). Each runs once for all workers together.
EVERY: tuple[tuple[str, Callable[[Tools], Awaitable[object]]], ...] = (
    ("* * * * * */15", expire.run),
    ("* * * * *", restock.run),
    ("* * * * * 30", housekeeping.run),
    ("* * * * * 10,40", balances.run),
    ("* * * * * */15", post.run),
    ("* * * * * 50", shelves.count),
    ("*/5 * * * * 20", shelves.watch),
    ("* * * * * 5,20,35,50", sync.run),
    ("* * * * * 5", lookout.run),
    ("* * * * * 5", attention.run),
)

# Jobs that a door asks for by name.
ASKED: tuple[tuple[str, Callable[[Tools, Mapping[str, str]], Awaitable[None]]], ...] = (
    ("tell.resend_since", tell.resend_since),
    ("report.expect_all", report.expect_all),
    ("report.apply_policy", report.apply_policy),
    ("sync.carry_on", sync.carry_on),
)
