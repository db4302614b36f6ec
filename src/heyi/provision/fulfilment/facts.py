"""What fulfilment tells the world. No account and no card is in it; a supplier's words were masked before.

That a supplier accepted a task is no fact of its own: it stands in the attempt (`accepted_at`), and most tasks are
delivered a moment later.
"""

from __future__ import annotations

from typing import Any

from heyi.kernel.facts import Fact
from heyi.kernel.flow import Flow, Step
from heyi.provision.fulfilment.errand import Errand, Ruling
from heyi.provision.fulfilment.model import Told

UNKNOWN = "task.unknown"  # nobody knows yet whether it was bought; we ask until we do
DECLINED = "task.declined"  # refused before acceptance, and tried again later
WAITING_FOR_PERSON = "task.waiting_for_person"
DIFFERENCE = "task.difference"  # delivered by the supplier after the item had ended otherwise
RESOLVED = "task.resolved"  # a person decided
SETTLED = "task.difference_settled"  # a person dealt with a difference


def of_ruling(errand: Errand, ruling: Ruling) -> list[Fact]:
    """What a recorded result is worth telling: trouble, not the usual course."""
    name = None
    if ruling.difference:
        name = DIFFERENCE
    elif ruling.move == "want_person":
        name = WAITING_FOR_PERSON
    elif ruling.move in ("retry", "wait"):
        name = DECLINED
    elif ruling.attempt == "lose" and errand.verb == "submit":
        name = UNKNOWN
    if name is None:
        return []
    data: dict[str, object] = {"outer_number": errand.outer_number, "supplier": errand.account.code}
    if ruling.problem:
        data["problem"] = ruling.problem
    return [Fact(name, data, errand.lane, errand.order_id, errand.item_id, errand.entitlement_id)]


NOTICE = "delivery.notice"  # a flow tells something
DECIDED = "delivery.decided"  # a flow's condition was evaluated

# The facts that another item may wait for, and the word for each in a delivery graph.
AWAITED = {
    "entitlement.activated": "activated",
    "redemption.redeemed": "redeemed",
    "entitlement.ended": "ended",
    "item.failed": "failed",
}
# After these nothing more happens to an item.
OVER = ("item.failed", "item.cancelled", "entitlement.ended")


def worth(step: Step) -> bool:
    """Whether a step of a flow is told: notices by the first part of a split only, and what conditions decided."""
    return step.told or step.why is not None


def of_step(about: Told, made: Flow, step: Step) -> Fact:
    """A notice, or what a condition decided and why. Times and reasons are the flow's own words: nothing personal."""
    node = made.nodes[step.node]
    data: dict[str, object] = {"component": about.component, "benefit": about.benefit, "node": step.node}
    if step.why is None:
        data |= {"title": node["title"], "message": node.get("message")}
    else:
        condition = made.conditions[step.node]
        leaves = [leaf.pointer for leaf in step.why.because]
        data |= {"branch": step.branch, "missing": list(step.why.missing)}
        data["because"] = {
            language: [condition.sentence(language, at) for at in leaves] for language in ("zh", "en")
        }  # fmt: skip
    return Fact(
        NOTICE if step.why is None else DECIDED, data, about.lane, about.order_id, about.item_id,
        about.entitlement_id, about.channel_id, buyer=about.buyer,
    )  # fmt: skip


def wants_person(row: Any, problem: str) -> Fact:
    """A task of our own hands came due and needs a person; `row` is the task."""
    return Fact(WAITING_FOR_PERSON, {"problem": problem}, row.lane, row.order_id, row.item_id, row.entitlement_id)
