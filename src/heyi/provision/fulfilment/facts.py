"""What fulfilment tells the world. No account and no card is in it; a supplier's words were masked before.

That a supplier accepted a task is no fact of its own: it stands in the attempt (`accepted_at`), and most tasks are
delivered a moment later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heyi.kernel.facts import Fact
from heyi.kernel.flow import Flow, FlowFields, Step
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


def worth(step: Step) -> bool:
    """Whether a step of a flow is told: its notices, and what conditions decided."""
    return step.told or step.why is not None


def of_step(about: Told, made: Flow, step: Step) -> Fact:
    """A notice, or what a condition decided and why. Times and reasons are the flow's own words: nothing personal."""
    node = made.nodes[step.node]
    data: dict[str, object] = {"component": about.component, "benefit": about.benefit, "node": step.node}
    if step.why is None:
        data |= {"title": node["title"], "message": node.get("message")}
    else:
        data |= {"branch": step.branch, "missing": list(step.why.missing)}
        data["because"] = {language: _reasons(made, step, about.titles, language) for language in ("zh", "en")}
    return Fact(
        NOTICE if step.why is None else DECIDED, data, about.lane, about.order_id, about.item_id,
        about.entitlement_id, about.channel_id, buyer=about.buyer,
    )  # fmt: skip


def _reasons(made: Flow, step: Step, titles: Mapping[str, str], language: str) -> list[str]:
    """What was found, statement by statement: that it is so, that it is not, or that nobody can tell."""
    assert step.why is not None
    condition, named = made.conditions[step.node], FlowFields(titles, made.zone)
    unsure = "无法判断：{}" if language == "zh" else "it cannot be told whether {}"
    said = [
        (leaf.value, condition.sentence(language, leaf.pointer, denied=leaf.value is False, catalogue=named))
        for leaf in step.why.because
    ]
    return [unsure.format(text) if value is None else text for value, text in said]


def wants_person(row: Any, problem: str) -> Fact:
    """A task of our own hands came due and needs a person; `row` is the task."""
    return Fact(WAITING_FOR_PERSON, {"problem": problem}, row.lane, row.order_id, row.item_id, row.entitlement_id)
