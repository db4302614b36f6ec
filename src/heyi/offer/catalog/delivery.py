"""When a component is delivered: graphs, read into a Timing once and compiled into Dues for every order.

    {"start": "a", "nodes": {"a": {"do": "wait", "for": "days", "days": 3, "then": "b"}, "b": {"do": "deliver"}}}

Most graphs are one of a few fixed shapes (now, on a day, monthly, when the buyer asks, after another component): their
Dues cost an order next to nothing. Any other graph is walked (kernel/flow): by the purchase from its start to the first
node where it has to wait, and later from there. What a graph may hold is in graphs.py, its words in wording.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from heyi.kernel.clock import add_days, add_months
from heyi.kernel.flow import Facts, Way, read
from heyi.kernel.parts import Due
from heyi.offer.catalog.errors import WordUnknown
from heyi.offer.catalog.graphs import odd_fields, read_time

NOW = Due("now")
ASK = Due("waiting_for_buyer")
DELIVER_NOW: dict[str, Any] = {"start": "deliver", "nodes": {"deliver": {"do": "deliver"}}}

# The shorthand's words and their fields.
SHORTHAND: dict[str, tuple[str, ...]] = {
    "now": (),
    "at": ("at",),
    "after_days": ("days",),
    "monthly": ("times",),
    "after": ("component", "event", "within_days", "otherwise"),
    "ask": (),
    "choose": ("within_days", "default"),
}
DELIVER, CANCEL = {"do": "deliver"}, {"do": "cancel"}


@dataclass(frozen=True, slots=True)
class Timing:
    """A graph, understood. `kind` is now | ask | after | later | monthly | flow; `at` (earliest moment) and `days`
    (after payment) belong to later and monthly: the later of the two counts. `times` is how many items each unit makes.
    """

    kind: str = "now"
    at: datetime | None = None
    days: int = 0
    times: int = 1
    component: str | None = None
    event: str | None = None
    within_days: int = 0
    otherwise: str | None = None

    @property
    def fixed(self) -> bool:
        """Whether the Due is the same whenever the order is paid."""
        return self.kind in ("now", "ask")


def expand(delivery: Mapping[str, Any] | None) -> dict[str, Any]:
    """The graph of a shorthand (`{"when": "monthly", "times": 12}`); a graph, or nothing, is answered as it is.

    Raises WordUnknown or DeliveryMalformed (pointer relative to the delivery) when the shorthand cannot be read.
    """
    if not delivery:
        return DELIVER_NOW
    if "when" not in delivery:
        return dict(delivery)
    when = delivery["when"]
    if when not in SHORTHAND:
        raise WordUnknown("/when", words=", ".join(SHORTHAND))
    for fault in odd_fields(delivery, ("when", *SHORTHAND[when])):
        raise fault
    first: dict[str, Any] = {name: delivery[name] for name in SHORTHAND[when] if name != "otherwise"}
    first["then"] = "deliver"
    nodes: dict[str, Any] = {"deliver": {"do": "deliver"}}
    if when == "now":
        return DELIVER_NOW
    if when == "choose":
        return {"start": "choose", "nodes": {"choose": {"do": "choose", **{n: delivery[n] for n in SHORTHAND[when]}}}}
    if when == "monthly":
        nodes["first"] = {"do": "split", **first}
    elif when == "after":
        nodes["first"] = {"do": "wait", "for": "component", **first, "else": delivery["otherwise"]}
        if delivery["otherwise"] not in ("deliver", "cancel"):
            raise WordUnknown("/otherwise", words="deliver, cancel")
        if delivery["otherwise"] == "cancel":
            nodes["cancel"] = {"do": "cancel"}
    else:
        nodes["first"] = {"do": "wait", "for": {"at": "date", "after_days": "days", "ask": "buyer"}[when], **first}
    return {"start": "first", "nodes": nodes}


def timing(graph: Mapping[str, Any]) -> Timing:
    """Read a graph without faults: its fixed shape, or `flow` when it has to be walked."""
    nodes = graph["nodes"]
    return _fixed(nodes, graph["start"]) or Timing("flow", times=parts(graph))


def parts(graph: Mapping[str, Any]) -> int:
    """How many items a unit makes: all splits of a graph divide it alike."""
    return max((node["times"] for node in graph["nodes"].values() if node["do"] == "split"), default=1)


def _fixed(nodes: Mapping[str, Any], name: str) -> Timing | None:
    made = Timing()
    while (node := nodes[name]) != DELIVER:
        do, wait = node["do"], node.get("for")
        then = nodes.get(node.get("then"))
        if do == "split":
            made = replace(made, kind="monthly", times=node["times"])
        elif wait == "date":
            at = read_time(node["at"])
            made = replace(made, kind="later", at=max(at, made.at) if made.at else at)
        elif wait == "days" and node.get("from") != "here":
            made = replace(made, kind="later", days=max(node["days"], made.days))
        elif made.kind == "now" and wait == "buyer" and "else" not in node:
            made = Timing("ask")
        elif made.kind == "now" and wait == "component" and nodes[node["else"]] in (DELIVER, CANCEL):
            made = Timing("after", component=node["component"], event=node["event"],
                          within_days=node["within_days"], otherwise=nodes[node["else"]]["do"])  # fmt: skip
        else:
            return None
        if made.kind in ("ask", "after", "monthly") and then != DELIVER:
            return None
        name = node["then"]
    return made


def dues(timing: Timing, *, paid_at: datetime, zone: ZoneInfo) -> list[Due]:
    """When each of the component's units is due: one Due, or one a month, counted from the anchor."""
    if timing.kind == "now":
        return [NOW]
    if timing.kind == "ask":
        return [ASK]
    if timing.kind == "after":
        deadline = add_days(paid_at, timing.within_days, zone)
        return [Due("after", deadline, timing.component, timing.event, timing.otherwise)]
    anchor = add_days(paid_at, timing.days, zone) if timing.days else paid_at
    if timing.at is not None:
        anchor = max(anchor, timing.at)
    ats = [add_months(anchor, month, zone) for month in range(timing.times)]
    return [Due("scheduled", at) if at > paid_at else NOW for at in ats]


def due_walked(
    graph: str, part: int, facts: Facts, *, paid_at: datetime, zone: ZoneInfo, named: str | None = None
) -> Due:  # fmt: skip
    """The Due of an item that walks its flow from the start when it is paid. `named`: what was chosen beforehand."""
    flow = read(graph, zone)
    stand = flow.begin(facts, now=paid_at, part=part)
    way = Way(graph, stand.node, part, stand.steps, flow.falls_back(stand.node), stand.own, named)
    if stand.kind == "deliver":
        return Due("now" if stand.at is None else "scheduled", stand.at, way=way)
    at_once = stand.kind == "choose" and named is not None
    if stand.kind in ("buyer", "choose") and not at_once:
        return Due("waiting_for_buyer", stand.at, way=way)
    # A cancel that comes with the payment, and a choice that was made before it, are left to the workers: an order is
    # placed with items that are still to be.
    at = paid_at if stand.kind == "cancel" or at_once else stand.at
    return Due("after", at, stand.component, stand.event, way=way)
