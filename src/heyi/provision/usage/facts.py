"""What comparisons tell the house. Partners and channels hear of the rights themselves."""

from __future__ import annotations

from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_of, to_text
from heyi.provision.usage.model import Drift, Ours

DRIFTED = "usage.drifted"  # they and we differ, and no rule repairs it
SETTLED = "usage.settled"  # a drift is over: repaired by rule, or by a person


def drifted(one: Drift, ours: Ours | None) -> Fact:
    return _about(DRIFTED, one, ours, {"ours": one.ours, "theirs": one.theirs})


def settled(one: Drift, ours: Ours | None) -> Fact:
    return _about(SETTLED, one, ours, {"how": one.how, "by": one.by})


def _about(name: str, one: Drift, ours: Ours | None, data: dict[str, object]) -> Fact:
    known = {"drift": to_text("drf", one.id), "class": one.kind, "benefit": one.benefit, **data}
    if ours is None:
        return Fact(name, known, partner_id=one.partner_id)
    return Fact(
        name, known, lane_of(ours.id), ours.order_id, ours.item_id, ours.id, ours.channel_id, one.partner_id
    )  # fmt: skip
