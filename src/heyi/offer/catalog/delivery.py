"""When a component is delivered: small graphs, read into a Timing once and compiled into Dues for every order.

    {"start": "a", "nodes": {"a": {"do": "wait", "for": "days", "days": 3, "then": "b"}, "b": {"do": "deliver"}}}

Nodes: deliver · cancel · wait for date (at) · for days (days after payment) · for component (component, event,
within_days, then, else) · for buyer (until the buyer asks) · split (times months, the first at once).
Date and days waits may come in a row and before a split; the others stand alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from heyi.kernel.clock import add_months
from heyi.kernel.errors import Refused
from heyi.kernel.parts import Due
from heyi.offer.catalog.errors import DeliveryCircle, DeliveryMalformed, DeliveryUnsupported, OutOfBounds, WordUnknown
from heyi.offer.catalog.model import DAYS_MAX, MONTHS_MAX, NODES_MAX

NOW = Due("now")
ASK = Due("waiting_for_buyer")
EVENTS = ("activated", "redeemed")
DELIVER_NOW: dict[str, Any] = {"start": "deliver", "nodes": {"deliver": {"do": "deliver"}}}

# Which fields a node has beside "do" and "for"; a field more or less is a fault.
SHAPES: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("deliver", None): (),
    ("cancel", None): (),
    ("wait", "date"): ("at", "then"),
    ("wait", "days"): ("days", "then"),
    ("wait", "component"): ("component", "event", "within_days", "then", "else"),
    ("wait", "buyer"): ("then",),
    ("split", None): ("times", "then"),
}
# The shorthand's words and their fields.
SHORTHAND: dict[str, tuple[str, ...]] = {
    "now": (),
    "at": ("at",),
    "after_days": ("days",),
    "monthly": ("times",),
    "after": ("component", "event", "within_days", "otherwise"),
    "ask": (),
}
YEAR_MAX = 2200
BOUNDS = {"days": (1, DAYS_MAX), "within_days": (1, DAYS_MAX), "times": (1, MONTHS_MAX)}


@dataclass(frozen=True, slots=True)
class Timing:
    """A graph, understood. `kind` is now | ask | after | later | monthly; `at` (earliest moment) and `days` (after
    payment) belong to later and monthly: the later of the two counts.
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
    for fault in _odd_fields(delivery, ("when", *SHORTHAND[when])):
        raise fault
    first: dict[str, Any] = {name: delivery[name] for name in SHORTHAND[when] if name != "otherwise"}
    first["then"] = "deliver"
    nodes: dict[str, Any] = {"deliver": {"do": "deliver"}}
    if when == "now":
        return DELIVER_NOW
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


def faults(graph: Mapping[str, Any]) -> list[Refused]:
    """Every fault of a graph by itself, with pointers relative to it. None: `timing` can read it."""
    nodes = graph.get("nodes")
    if not isinstance(nodes, dict) or not nodes or set(graph) - {"start", "nodes"}:
        return [_malformed("/nodes", "起点与节点（start、nodes）缺一不可", "it has a start and nodes, nothing else")]
    if len(nodes) > NODES_MAX:
        return [OutOfBounds("/nodes", least=1, most=NODES_MAX)]
    if graph.get("start") not in nodes:
        return [_malformed("/start", "起点不是已有节点", "the start is not one of the nodes")]
    found = [fault for name, node in nodes.items() for fault in _node_faults(nodes, name, node)]
    if found:
        return found
    if _circles(nodes):
        return [DeliveryCircle("/nodes")]
    unreached = set(nodes) - _reached(nodes, graph["start"])
    if unreached:
        return [_malformed(f"/nodes/{name}", "该节点无法到达", "nothing leads here") for name in sorted(unreached)]
    try:
        timing(graph)
    except Refused as fault:
        return [fault]
    return []


def timing(graph: Mapping[str, Any]) -> Timing:
    """Read a graph without faults of its own. Raises DeliveryUnsupported for steps that cannot be combined."""
    nodes, name, made = graph["nodes"], graph["start"], Timing()
    while True:
        node = nodes[name]
        do, wait = node["do"], node.get("for")
        if do == "deliver":
            return made
        if do == "cancel":
            raise _unsupported(name, "取消只能作为等待其他组成的否则分支", "a cancel is only an else")
        if do == "split":
            made = replace(made, kind="monthly", times=node["times"])
        elif wait == "date":
            at = read_time(node["at"])
            made = replace(made, kind="later", at=max(at, made.at) if made.at else at)
        elif wait == "days":
            made = replace(made, kind="later", days=max(node["days"], made.days))
        elif made.kind != "now":
            raise _unsupported(name, "该等待须单独使用", "this wait stands alone")
        elif wait == "buyer":
            made = Timing("ask")
        else:
            otherwise = nodes[node["else"]]["do"]
            if otherwise not in ("deliver", "cancel"):
                raise _unsupported(name, "否则分支只能是交付或取消", "an else delivers or cancels")
            made = Timing("after", component=node["component"], event=node["event"],
                          within_days=node["within_days"], otherwise=otherwise)  # fmt: skip
        if made.kind in ("ask", "after", "monthly") and nodes[node["then"]]["do"] != "deliver":
            raise _unsupported(name, "其后须直接交付", "a delivery comes next")
        name = node["then"]


def dues(timing: Timing, *, paid_at: datetime, zone: ZoneInfo) -> list[Due]:
    """When each of the component's units is due: one Due, or one a month, counted from the anchor."""
    if timing.kind == "now":
        return [NOW]
    if timing.kind == "ask":
        return [ASK]
    if timing.kind == "after":
        deadline = _days_later(paid_at, timing.within_days, zone)
        return [Due("after", deadline, timing.component, timing.event, timing.otherwise)]
    anchor = _days_later(paid_at, timing.days, zone) if timing.days else paid_at
    if timing.at is not None:
        anchor = max(anchor, timing.at)
    ats = [add_months(anchor, month, zone) for month in range(timing.times)]
    return [Due("scheduled", at) if at > paid_at else NOW for at in ats]


def in_words(timing: Timing, *, zone: ZoneInfo, titles: Mapping[str, str]) -> dict[str, str]:
    """When it comes, as a sentence in "zh" and "en"; `titles` are those of the components it may wait for."""
    if timing.kind == "now":
        return {"zh": "支付后立即发放", "en": "at once after payment"}
    if timing.kind == "ask":
        return {"zh": "由用户主动领取", "en": "when the buyer asks for it"}
    if timing.kind == "after":
        title = titles.get(timing.component or "", timing.component)
        did = {"activated": ("激活", "is activated"), "redeemed": ("核销", "is redeemed")}[timing.event or "activated"]
        otherwise = {"deliver": ("到期仍会发放", "else given then"), "cancel": ("否则取消", "else cancelled")}
        last = otherwise[timing.otherwise or "cancel"]
        return {
            "zh": f"「{title}」{did[0]}后发放（{timing.within_days} 天内，{last[0]}）",
            "en": f"after {title} {did[1]} (within {timing.within_days} days, {last[1]})",
        }
    zh, en = [], []
    if timing.at is not None:
        local = timing.at.astimezone(zone)
        zh.append(f"{local:%Y-%m-%d %H:%M} 起")
        en.append(f"from {local:%Y-%m-%d %H:%M}")
    if timing.days:
        zh.append(f"支付 {timing.days} 天后")
        en.append(f"{timing.days} days after payment")
    if timing.kind == "later":
        return {"zh": "、".join(zh) + "发放", "en": " and ".join(en)}
    start = ("、".join(zh), " and ".join(en)) if zh else ("支付后立即", "at once after payment")
    return {
        "zh": f"首次{start[0]}发放，之后每月一次，共 {timing.times} 次",
        "en": f"monthly, {timing.times} times, the first {start[1]}",
    }


def read_time(value: object) -> datetime:
    """A moment in RFC 3339 with an offset, in UTC. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a time")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None or at.year > YEAR_MAX:
        raise ValueError("a time needs an offset and a year that can still be added to")
    return at.astimezone(UTC)


def _days_later(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same clock time `days` later in the alliance's zone."""
    return (at.astimezone(zone) + timedelta(days=days)).astimezone(UTC)


def _node_faults(nodes: Mapping[str, Any], name: str, node: object) -> Iterator[Refused]:
    here = f"/nodes/{name}"
    if not isinstance(node, dict) or (node.get("do"), node.get("for")) not in SHAPES:
        yield _malformed(here, "没有这种节点", "there is no such kind of node")
        return
    fields = SHAPES[node["do"], node.get("for")]
    known = ("do", "for", *fields) if "for" in node else ("do", *fields)
    yield from _odd_fields(node, known, here)
    for step in ("then", "else"):
        if step in node and step in fields and node[step] not in nodes:
            yield _malformed(f"{here}/{step}", "下一步不是已有节点", "the next step is not one of the nodes")


def _odd_fields(given: Mapping[str, Any], known: tuple[str, ...], here: str = "") -> Iterator[Refused]:
    """What is missing, does not belong, or has an impossible value."""
    for name in known:
        if name not in given:
            yield _malformed(f"{here}/{name}", "缺少该字段", "this field is missing")
    for name, value in given.items():
        if name not in known:
            yield _malformed(f"{here}/{name}", "不应有该字段", "this field does not belong here")
        elif name in BOUNDS:
            least, most = BOUNDS[name]
            if type(value) is not int or not least <= value <= most:
                yield OutOfBounds(f"{here}/{name}", least=least, most=most)
        elif name == "event" and value not in EVENTS:
            yield WordUnknown(f"{here}/event", words=", ".join(EVENTS))
        elif name == "at":
            try:
                read_time(value)
            except (ValueError, OverflowError):
                yield _malformed(f"{here}/at", "不是带时区的时间", "this is not a time with an offset")


def _steps(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(node[step] for step in ("then", "else") if step in node)


def _circles(nodes: Mapping[str, Any]) -> bool:
    """Whether taking away, again and again, the nodes that lead only to nodes taken away leaves some."""
    left = {name: set(_steps(node)) for name, node in nodes.items()}
    while ends := [name for name, steps in left.items() if not steps & left.keys()]:
        for name in ends:
            del left[name]
    return bool(left)


def _reached(nodes: Mapping[str, Any], start: str) -> set[str]:
    seen, edge = {start}, [start]
    while edge:
        for step in _steps(nodes[edge.pop()]):
            if step not in seen:
                seen.add(step)
                edge.append(step)
    return seen


def _malformed(pointer: str, why_zh: str, why: str) -> Refused:
    return DeliveryMalformed(pointer, why_zh=why_zh, why=why)


def _unsupported(name: str, why_zh: str, why: str) -> Refused:
    return DeliveryUnsupported(f"/nodes/{name}", why_zh=why_zh, why=why)
