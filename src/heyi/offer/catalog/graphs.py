"""What a delivery graph may hold: its kinds of nodes and their fields, and every fault with its pointer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from heyi.kernel import condition
from heyi.kernel.errors import Refused
from heyi.kernel.flow import EVENTS, FlowFields, branches
from heyi.offer.catalog.errors import DeliveryCircle, DeliveryMalformed, DeliveryUnsupported, OutOfBounds, WordUnknown
from heyi.offer.catalog.model import DAYS_MAX, MONTHS_MAX, NODES_MAX, Group

# Which fields a node has beside "do" and "for", and which it may have; any other is a fault.
SHAPES: dict[tuple[str, str | None], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("deliver", None): ((), ("failed",)),
    ("cancel", None): ((), ()),
    ("wait", "date"): (("at", "then"), ()),
    ("wait", "days"): (("days", "then"), ("from",)),
    ("wait", "component"): (("component", "event", "within_days", "then", "else"), ()),
    ("wait", "buyer"): (("then",), ("within_days", "else")),
    ("choose", None): (("within_days", "default"), ()),
    ("condition", None): (("if", "then", "else", "unknown"), ()),
    ("notify", None): (("title", "then"), ("message",)),
    ("split", None): (("times", "then"), ()),
}
STEPS = ("then", "else", "unknown", "failed")
YEAR_MAX = 2200
BOUNDS = {"days": (1, DAYS_MAX), "within_days": (1, DAYS_MAX), "times": (1, MONTHS_MAX)}
NOTICE_CHARS_MAX = 500
LANGUAGES = ("zh", "en")
_ANY_ZONE = ZoneInfo("UTC")


def faults(
    graph: Mapping[str, Any], titles: Mapping[str, str] | None = None, *, group: Group | None = None,
    currency: str | None = None,
) -> list[Refused]:  # fmt: skip
    """Every fault of a graph by itself, with pointers relative to it. None: it can be carried out.

    `titles` are those of the version's components, which conditions may look at (None: of any component), `currency`
    that of its price. A choice group's graph ends in choices, where a component's ends in deliveries.
    """
    nodes = graph.get("nodes")
    if not isinstance(nodes, dict) or not nodes or set(graph) - {"start", "nodes"}:
        return [_malformed("/nodes", "起点与节点（start、nodes）缺一不可", "it has a start and nodes, nothing else")]
    if len(nodes) > NODES_MAX:
        return [OutOfBounds("/nodes", least=1, most=NODES_MAX)]
    found: list[Refused] = []
    if graph.get("start") not in nodes:
        found.append(_malformed("/start", "起点不是已有节点", "the start is not one of the nodes"))
    fields = FlowFields(titles, _ANY_ZONE, currency)
    found += [fault for name, node in nodes.items() for fault in _node_faults(nodes, name, node, fields)]
    if any(isinstance(fault, DeliveryMalformed) for fault in found):
        return found  # who leads where is not known
    found += _shape_faults(nodes, graph["start"], "deliver" if group is None else "choose")
    found += _choice_faults(nodes, group)
    return found


def _choice_faults(nodes: Mapping[str, Any], group: Group | None) -> Iterator[Refused]:
    """Only a group chooses, and waits for the buyer there alone; what is chosen is delivered by its own flow."""
    for name, node in nodes.items():
        if group is None and node["do"] == "choose":
            yield _unsupported(name, "只有可选组能选择", "only a choice group chooses")
        elif group is not None and node["do"] in ("deliver", "split"):
            yield _unsupported(name, "可选组的流程止于选择", "a choice group's flow ends in a choice")
        elif group is not None and node.get("for") == "buyer":
            yield _asks_in_group(name)
        elif group is not None and node["do"] == "choose":
            codes = {option.code for option in group.options}
            if len(node["default"]) != group.pick or not set(node["default"]) <= codes:
                yield _malformed(
                    f"/nodes/{name}/default", "须为应选数目的选项", "it names as many options as are picked"
                )


def _shape_faults(nodes: Mapping[str, Any], start: str, goal: str) -> Iterator[Refused]:
    """What is wrong with the graph as a whole, every node being right by itself."""
    if _circles(nodes):
        yield DeliveryCircle("/nodes")
        return
    for name in sorted(set(nodes) - _reached(nodes, start)):
        yield _malformed(f"/nodes/{name}", "该节点无法到达", "nothing leads here")
    if not any(node["do"] == goal for node in nodes.values()):
        yield _malformed("/nodes", "流程中没有交付或选择", f"nothing ever comes to {goal}")
    splits = {name: node["times"] for name, node in nodes.items() if node["do"] == "split"}
    for name, times in splits.items():
        if times != next(iter(splits.values())):
            yield _unsupported(name, "各拆分的份数须一致", "all splits make the same number of parts")
        if splits.keys() & _reached(nodes, nodes[name]["then"]):
            yield _unsupported(name, "拆分之后不能再拆分", "what was split cannot be split again")


def odd_fields(given: Mapping[str, Any], known: tuple[str, ...], here: str = "", may: tuple[str, ...] = ()) -> Iterator[
    Refused
]:  # fmt: skip
    """What is missing, does not belong, or has an impossible value."""
    for name in known:
        if name not in given:
            yield _malformed(f"{here}/{name}", "缺少该字段", "this field is missing")
    for name, value in given.items():
        if name not in (*known, *may):
            yield _malformed(f"{here}/{name}", "不应有该字段", "this field does not belong here")
        else:
            yield from _value_faults(f"{here}/{name}", name, value)


def read_time(value: object) -> datetime:
    """A moment in RFC 3339 with an offset, in UTC. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a time")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None or at.year > YEAR_MAX:
        raise ValueError("a time needs an offset and a year that can still be added to")
    return at.astimezone(UTC)


def awaited(graph: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(node, component, event) of everything that a graph without faults waits for."""
    return [
        (name, node["component"], node["event"])
        for name, node in graph["nodes"].items()
        if node.get("for") == "component"
    ]


def saving_faults(
    graph: Mapping[str, Any], titles: Mapping[str, str], *, currency: str, of_group: bool
) -> Iterator[Refused]:
    """What nobody could publish however the rest is completed: its conditions, and asking the buyer in a group."""
    nodes = graph.get("nodes")
    fields = FlowFields(titles, _ANY_ZONE, currency)
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        if isinstance(node, dict):
            yield from _condition_faults(f"/nodes/{name}", node, fields)
            if of_group and node.get("for") == "buyer":
                yield _asks_in_group(name)


def _condition_faults(here: str, node: Mapping[str, Any], fields: FlowFields) -> Iterator[Refused]:
    if "if" in node:
        for fault in condition.check(node["if"], fields):
            fault.pointer = f"{here}/if{fault.pointer}"
            yield fault


def _node_faults(nodes: Mapping[str, Any], name: str, node: object, fields: FlowFields) -> Iterator[Refused]:
    here = f"/nodes/{name}"
    if not isinstance(node, dict) or (node.get("do"), node.get("for")) not in SHAPES:
        yield _malformed(here, "没有这种节点", "there is no such kind of node")
        return
    must, may = SHAPES[node["do"], node.get("for")]
    yield from odd_fields(node, ("do", "for", *must) if "for" in node else ("do", *must), here, may)
    for step in STEPS:
        if step in node and step in (*must, *may) and node[step] not in nodes:
            yield _malformed(f"{here}/{step}", "下一步不是已有节点", "the next step is not one of the nodes")
    if node.get("for") == "buyer" and ("else" in node) != ("within_days" in node):
        missing = "else" if "within_days" in node else "within_days"
        yield _malformed(f"{here}/{missing}", "期限与否则分支须同时给出", "a deadline and an else come together")
    yield from _condition_faults(here, node, fields)


def _value_faults(pointer: str, name: str, value: object) -> Iterator[Refused]:
    if name in BOUNDS:
        least, most = BOUNDS[name]
        if type(value) is not int or not least <= value <= most:
            yield OutOfBounds(pointer, least=least, most=most)
    elif name == "event" and value not in EVENTS:
        yield WordUnknown(pointer, words=", ".join(EVENTS))
    elif name == "from" and value not in ("payment", "here"):
        yield WordUnknown(pointer, words="payment, here")
    elif name == "at":
        try:
            read_time(value)
        except (ValueError, OverflowError):
            yield _malformed(pointer, "不是带时区的时间", "this is not a time with an offset")
    elif name == "default":
        words = [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
        if not words or words != value or len(set(words)) != len(words):
            yield _malformed(pointer, "须为不重复的选项", "it is a list of different options")
    elif name in ("title", "message"):
        texts = value.values() if isinstance(value, dict) and set(value) == set(LANGUAGES) else ()
        if not texts or not all(isinstance(text, str) and 0 < len(text) <= NOTICE_CHARS_MAX for text in texts):
            yield _malformed(pointer, "须有中英文（zh、en）", "it is said in zh and en")


def _circles(nodes: Mapping[str, Any]) -> bool:
    """Whether taking away, again and again, the nodes that lead only to nodes taken away leaves some."""
    left = {name: set(branches(node).values()) for name, node in nodes.items()}
    while ends := [name for name, steps in left.items() if not steps & left.keys()]:
        for name in ends:
            del left[name]
    return bool(left)


def _reached(nodes: Mapping[str, Any], start: str) -> set[str]:
    seen, edge = {start}, [start]
    while edge:
        for step in branches(nodes[edge.pop()]).values():
            if step not in seen:
                seen.add(step)
                edge.append(step)
    return seen


def _asks_in_group(name: str) -> Refused:
    return _unsupported(name, "可选组的流程只在选择时等待用户", "a choice group waits for the buyer where he chooses")


def _malformed(pointer: str, why_zh: str, why: str) -> Refused:
    return DeliveryMalformed(pointer, why_zh=why_zh, why=why)


def _unsupported(name: str, why_zh: str, why: str) -> Refused:
    return DeliveryUnsupported(f"/nodes/{name}", why_zh=why_zh, why=why)
