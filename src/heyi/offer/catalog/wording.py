"""Delivery graphs in words, Chinese and English: a sentence for buyers, and one for every node of the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from heyi.kernel import condition
from heyi.kernel.flow import Flow, FlowFields, Stand, Step, branches
from heyi.offer.catalog.delivery import Timing, timing
from heyi.offer.catalog.graphs import read_time

EVENT_WORDS = {
    "activated": ("激活", "is activated"),
    "redeemed": ("核销", "is redeemed"),
    "ended": ("结束", "has ended"),
    "failed": ("交付失败", "could not be delivered"),
}
BRANCH_WORDS = {
    "then": ("然后", "then"),
    "else": ("否则", "else"),
    "unknown": ("无法判断时", "when it cannot be told"),
    "failed": ("交付失败时", "when delivery fails"),
}
_CONDITION_BRANCH = ("若是", "if so")


Words = dict[str, str]  # by language: zh, en

DELIVERED: Words = {"zh": "已发放", "en": "delivered"}
DELIVERY_FAILED: Words = {"zh": "交付失败", "en": "delivery failed"}
NEEDS_PERSON: Words = {"zh": "等待人工处理", "en": "waits for a person"}
EXPIRED: Words = {"zh": "到期", "en": "expires"}
USED_UP: Words = {"zh": "已用完", "en": "is used up"}
ACCOUNTS_WANTED: Words = {"zh": "等待用户提供账号", "en": "waits for the buyer's accounts"}
HAPPENINGS = {
    "chosen": ("用户选择「{}」", "the buyer chooses {}"),
    "asked": ("用户领取「{}」", "the buyer asks for {}"),
    "activated": ("「{}」被激活", "{} is activated"),
    "redeemed": ("「{}」被核销", "{} is redeemed"),
    "ended": ("「{}」结束", "{} ends"),
}
_CANNOT = ("（此时不可能发生）", " (it cannot, then)")
_SAYS = {"then": ("是", "yes"), "else": ("否", "no"), "unknown": ("无法判断", "it cannot be told")}


@dataclass(frozen=True, slots=True)
class NodeInWords:
    """A node as it is drawn: what it does, in words by language, and where each branch leads."""

    name: str
    do: str
    words: dict[str, str]
    branches: dict[str, str]


def nodes_in_words(graph: Mapping[str, Any], *, zone: ZoneInfo, titles: Mapping[str, str]) -> list[NodeInWords]:
    """Every node of a graph without faults, from its start on."""
    nodes, seen = graph["nodes"], [graph["start"]]
    for name in seen:
        seen += [to for to in dict.fromkeys(branches(nodes[name]).values()) if to not in seen]
    return [
        NodeInWords(
            name,
            nodes[name]["do"],
            {language: _node(nodes[name], zone, titles, language) for language in ("zh", "en")},
            branches(nodes[name]),
        )
        for name in seen
    ]


def step_in_words(walked: Flow, step: Step, *, zone: ZoneInfo, titles: Mapping[str, str]) -> Words:
    """A step that was gone through: for a condition with its answer, and what was missing for one."""
    said = {language: _node(walked.nodes[step.node], zone, titles, language) for language in ("zh", "en")}
    if step.why is not None:
        answer, missing = _SAYS[step.branch], ", ".join(step.why.missing)
        said["zh"] += f"：{answer[0]}" + (f"（缺少 {missing}）" if missing else "")
        said["en"] += f": {answer[1]}" + (f" (missing: {missing})" if missing else "")
    elif step.branch != "then":
        lead = BRANCH_WORDS[step.branch]
        said = {"zh": f"{said['zh']}：{lead[0]}", "en": f"{said['en']}: {lead[1]}"}
    return said


def stand_in_words(walked: Flow, stand: Stand, *, zone: ZoneInfo, titles: Mapping[str, str]) -> Words:
    """Where an item waits, and until when."""
    if stand.kind == "deliver" and stand.at is not None:
        local = stand.at.astimezone(zone)
        return {"zh": f"将于 {local:%Y-%m-%d %H:%M} 发放", "en": f"to be delivered at {local:%Y-%m-%d %H:%M}"}
    said = {language: _node(walked.nodes[stand.node], zone, titles, language) for language in ("zh", "en")}
    if stand.at is not None:
        local = stand.at.astimezone(zone)
        said["zh"] += f"，至 {local:%Y-%m-%d %H:%M}"
        said["en"] += f", until {local:%Y-%m-%d %H:%M}"
    return said


def chosen_in_words(title: str, *, named: bool) -> Words:
    """What a slot takes without its buyer: what he named beforehand, or when he does not choose."""
    if named:
        return {"zh": f"按下单时的选择「{title}」", "en": f"{title} is taken, as it was chosen with the order"}
    return {"zh": f"按默认选择「{title}」", "en": f"{title} is chosen by default"}


def happening_in_words(what: str, title: str, possible: bool) -> Words:
    """Something that happens in a simulation, or could not."""
    zh, en = (text.format(title) for text in HAPPENINGS[what])
    return {"zh": zh, "en": en} if possible else {"zh": zh + _CANNOT[0], "en": en + _CANNOT[1]}


def in_words(graph: Mapping[str, Any], *, zone: ZoneInfo, titles: Mapping[str, str]) -> dict[str, str]:
    """When it comes, as a sentence in "zh" and "en"; `titles` are those of the components it may wait for."""
    read = timing(graph)
    if read.kind != "flow":
        return _fixed_in_words(read, zone, titles)
    nodes = graph["nodes"]
    return {
        language: _told(nodes, graph["start"], zone, titles, language, set()) for language in ("zh", "en")
    }  # fmt: skip


def _told(
    nodes: Mapping[str, Any], name: str, zone: ZoneInfo, titles: Mapping[str, str], language: str, said: set[str]
) -> str:
    """The story from a node on; what was told already is only named."""
    place = 0 if language == "zh" else 1
    node = nodes[name]
    here = _node(node, zone, titles, language)
    ways = branches(node)
    if not ways:
        return here
    if name in said:
        return f"（见上：{here}）" if place == 0 else f"(as above: {here})"
    said.add(name)
    told = []
    for branch, to in ways.items():
        way = _told(nodes, to, zone, titles, language, said)
        lead = _CONDITION_BRANCH if branch == "then" and node["do"] == "condition" else BRANCH_WORDS[branch]
        told.append(f"{lead[place]}{way}" if place == 0 else f"{lead[place]} {way}")
    return f"{here}，{'；'.join(told)}" if place == 0 else f"{here}, {'; '.join(told)}"


def _node(node: Mapping[str, Any], zone: ZoneInfo, titles: Mapping[str, str], language: str) -> str:
    place = 0 if language == "zh" else 1
    match node["do"], node.get("for"):
        case "condition", _:
            said = condition.sentence(node["if"], FlowFields(_Any(titles), zone), language)
            return (f"判断是否{said}", f"see whether {said}")[place]
        case "wait", "date":
            local = read_time(node["at"]).astimezone(zone)
            return (f"等到 {local:%Y-%m-%d %H:%M}", f"wait until {local:%Y-%m-%d %H:%M}")[place]
        case "wait", "days":
            if node.get("from") == "here":
                return (f"再等 {node['days']} 天", f"wait {node['days']} more days")[place]
            return (f"等到支付 {node['days']} 天后", f"wait until {node['days']} days after payment")[place]
        case "wait", "component":
            title, did = titles.get(node["component"], node["component"]), EVENT_WORDS[node["event"]]
            return (
                f"等待「{title}」{did[0]}（{node['within_days']} 天内）",
                f"wait until {title} {did[1]} (within {node['within_days']} days)",
            )[place]
        case "wait", _:
            within = node.get("within_days")
            if within is None:
                return ("等待用户领取", "wait until the buyer asks")[place]
            return (f"等待用户领取（{within} 天内）", f"wait until the buyer asks (within {within} days)")[place]
        case "choose", _:
            default = "、".join(titles.get(code, code) for code in node["default"])
            within = node["within_days"]
            return (
                f"用户任选（{within} 天内，逾期为 {default}）",
                f"the buyer chooses (within {within} days, else {default.replace('、', ', ')})",
            )[place]
        case "split", _:
            return (f"分 {node['times']} 个月发放", f"in {node['times']} monthly parts")[place]
        case "notify", _:
            title = node["title"][language]
            return (f"通知「{title}」", f"tell “{title}”")[place]
    return {"deliver": ("发放", "deliver"), "cancel": ("取消", "cancel")}[node["do"]][place]


class _Any(dict[str, str]):
    """Titles by code; a component without one is called by its code."""

    def __contains__(self, _: object) -> bool:
        return True


def _fixed_in_words(timing: Timing, zone: ZoneInfo, titles: Mapping[str, str]) -> dict[str, str]:
    if timing.kind == "now":
        return {"zh": "支付后立即发放", "en": "at once after payment"}
    if timing.kind == "ask":
        return {"zh": "由用户主动领取", "en": "when the buyer asks for it"}
    if timing.kind == "after":
        title = titles.get(timing.component or "", timing.component)
        did = EVENT_WORDS[timing.event or "activated"]
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
