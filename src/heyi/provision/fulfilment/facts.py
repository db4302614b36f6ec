"""What fulfilment tells the world. No account and no card is in it; a supplier's words were masked before.

That a supplier accepted a task is no fact of its own: it stands in the attempt (`accepted_at`), and most tasks are
delivered a moment later.
"""

from __future__ import annotations

from typing import Any

from heyi.kernel.facts import Fact
from heyi.provision.fulfilment.errand import Errand, Ruling

UNKNOWN = "task.unknown"  # nobody knows yet whether it was bought; we ask until we do
DECLINED = "task.declined"  # refused before acceptance, and tried again later
WAITING_FOR_PERSON = "task.waiting_for_person"
DIFFERENCE = "task.difference"  # delivered by the supplier after the item had ended otherwise
RESOLVED = "task.resolved"  # a person decided


def of_ruling(errand: Errand, ruling: Ruling) -> list[Fact]:
    """What a recorded result is worth telling: trouble, not the usual course."""
    name = None
    if ruling.difference:
        name = DIFFERENCE
    elif ruling.move == "want_person":
        name = WAITING_FOR_PERSON
    elif ruling.move == "retry":
        name = DECLINED
    elif ruling.attempt == "lose" and errand.verb == "submit":
        name = UNKNOWN
    if name is None:
        return []
    data: dict[str, object] = {"outer_number": errand.outer_number, "supplier": errand.account.code}
    if ruling.problem:
        data["problem"] = ruling.problem
    return [Fact(name, data, errand.lane, errand.order_id, errand.item_id, errand.entitlement_id)]


# The facts that another item may wait for, and the word for each in a delivery graph.
AWAITED = {"entitlement.activated": "activated", "redemption.redeemed": "redeemed"}


def wants_person(row: Any, problem: str) -> Fact:
    """A task of our own hands came due and needs a person; `row` is the task."""
    return Fact(WAITING_FOR_PERSON, {"problem": problem}, row.lane, row.order_id, row.item_id, row.entitlement_id)
