"""Any graph that publishing lets through can be walked to its end, whatever happens on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.offer.catalog.making import NOW, ZONE, benefit, component, document, filled, sale_of

from heyi.kernel import flow
from heyi.kernel.condition import OPERATORS
from heyi.kernel.flow import BUYER, EVENT, FAILED, OVER, TIME, Flow
from heyi.kernel.flow.fields import COMPONENT, FIELDS
from heyi.kernel.money import Money
from heyi.kernel.parts import Due
from heyi.offer.catalog.delivery import timing
from heyi.offer.catalog.graphs import SHAPES, faults
from heyi.offer.catalog.model import Component
from heyi.offer.catalog.wording import in_words, nodes_in_words

DELIVER, CANCEL = {"do": "deliver"}, {"do": "cancel"}
ENDS = ("deliver", "cancel")
FACTS = {"order.paid_at": NOW, "order.quantity": 1, "order.amount": Money(9900, "CNY"), "component.video.over": False}
IFS = [
    {"field": "component.video.activated"},
    {"op": "ge", "args": [{"field": "order.quantity"}, 1]},
    {"op": "is_known", "args": [{"field": "component.video.activated_at"}]},
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "at": st.integers(1, 60).map(lambda days: (NOW + timedelta(days=days)).isoformat()),
    "days": st.integers(1, 40),
    "within_days": st.integers(1, 40),
    "times": st.just(3),
    "from": st.sampled_from(["payment", "here"]),
    "component": st.just("video"),
    "event": st.sampled_from(flow.EVENTS),
    "if": st.sampled_from(IFS),
    "title": st.just({"zh": "好", "en": "good"}),
    "message": st.just({"zh": "好的", "en": "very good"}),
}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Nodes in a row, each leading only further on: no circles, but whatever else there may be."""
    count = draw(st.integers(1, 9))
    nodes: dict[str, Any] = {}
    for place in range(count):
        further = st.sampled_from([f"n{later}" for later in range(place + 1, count + 2)])
        do, wait = draw(st.sampled_from(sorted(SHAPES, key=str)))
        must, may = SHAPES[do, wait]
        given_too = draw(st.booleans())
        names = [*must, *(may if given_too else ())]
        node = {"do": do} if wait is None else {"do": do, "for": wait}
        node |= {name: draw(VALUES[name]) if name in VALUES else draw(further) for name in names}
        nodes[f"n{place}"] = node
    nodes |= {f"n{count}": DELIVER, f"n{count + 1}": CANCEL}
    edge = ["n0"]
    for name in edge:
        edge += [to for to in flow.branches(nodes[name]).values() if to not in edge]
    return {"start": "n0", "nodes": {name: nodes[name] for name in edge}}


@given(graphs().filter(lambda graph: not faults(graph)), st.data())
def test_every_walk_comes_to_its_end(graph: dict[str, Any], data: st.DataObject) -> None:
    walked, now, part = Flow(graph, ZONE), NOW, data.draw(st.integers(0, 2))
    facts = dict(FACTS)
    stand = walked.begin(facts, now=now, part=part)
    passed = [step.node for step in stand.steps]
    for _ in range(len(graph["nodes"]) + 1):
        if stand.kind == "cancel" or (stand.kind == "deliver" and not walked.falls_back(stand.node)):
            break
        causes = {"event": [EVENT, OVER, TIME], "deliver": [FAILED], "timer": [TIME]}.get(
            stand.kind, [BUYER, TIME] if stand.at else [BUYER]
        )
        cause = data.draw(st.sampled_from(causes))
        if cause == EVENT:
            facts[f"component.video.{stand.event}"] = True
        assert stand.at is None or stand.at >= now
        now = stand.at or now if cause in (TIME, FAILED) else now
        before, stand = stand, walked.wake(stand.node, cause, facts, now=now, part=part)
        assert stand.node != before.node, "something brought it on"
        passed += [step.node for step in stand.steps]
    assert stand.kind in ENDS
    assert len(passed) == len(set(passed)), "no node is gone through twice"
    assert set(passed) | {stand.node} <= graph["nodes"].keys()


@given(graphs().filter(lambda graph: not faults(graph)))
def test_every_graph_has_words_for_all_its_nodes(graph: dict[str, Any]) -> None:
    said = nodes_in_words(graph, zone=ZONE, titles={"video": "视频"})
    assert {node.name for node in said} == set(graph["nodes"])
    assert all(node.words["zh"] and node.words["en"] for node in said)
    assert all(in_words(graph, zone=ZONE, titles={}).values())


@given(graphs().filter(lambda graph: not faults(graph)))
def test_a_fixed_shape_and_a_walk_say_the_same(graph: dict[str, Any]) -> None:
    """The quick way is only a quick way: where it is taken, walking would have brought the same Dues."""
    read = timing(graph)
    if read.kind == "flow":
        return
    made = Component("a", "a", weight=1, delivery=graph)
    parts = filled(sale_of(document(made, component("video", benefit="v")), [benefit("a"), benefit("v", "voucher")])
                   ).parts if read.component is None else ()  # fmt: skip
    for part, one in enumerate(part for part in parts if part.component == "a"):
        stand = Flow(graph, ZONE).begin(FACTS, now=NOW, part=part)
        kinds = {"now": ("deliver", None), "scheduled": ("deliver", one.due.at), "waiting_for_buyer": ("buyer", None)}
        assert (stand.kind, stand.at) == kinds[one.due.state]


def test_what_was_awaited_and_has_been_already_is_not_waited_for() -> None:
    graph = {"start": "ask", "nodes": {
        "ask": {"do": "wait", "for": "buyer", "then": "used"},
        "used": {"do": "wait", "for": "component", "component": "video", "event": "redeemed", "within_days": 7,
                 "then": "give", "else": "no"},
        "give": DELIVER, "no": CANCEL}}  # fmt: skip
    walked = Flow(graph, ZONE)
    stand = walked.begin(FACTS, now=NOW)
    assert (stand.kind, stand.node) == ("buyer", "ask")
    for facts, expected in (
        ({"component.video.redeemed": True}, ("deliver", "give")),
        ({"component.video.over": True}, ("cancel", "no")),
        ({}, ("event", "used")),
    ):
        stand = walked.wake("ask", BUYER, {**FACTS, **facts}, now=NOW)
        assert (stand.kind, stand.node) == expected
    assert stand.at == NOW + timedelta(days=7)


def test_parts_of_a_split_come_monthly_from_where_they_were_split() -> None:
    graph = {"start": "event", "nodes": {
        "event": {"do": "wait", "for": "component", "component": "video", "event": "activated", "within_days": 7,
                  "then": "tell", "else": "no"},
        "tell": {"do": "notify", "title": {"zh": "来了", "en": "it comes"}, "then": "split"},
        "split": {"do": "split", "times": 3, "then": "give"},
        "give": DELIVER, "no": CANCEL}}  # fmt: skip
    assert not faults(graph)
    assert timing(graph).times == 3
    walked, at = Flow(graph, ZONE), datetime.fromisoformat("2026-11-30T10:00:00+08:00")
    stands = [walked.wake("event", EVENT, FACTS, now=at, part=part) for part in range(3)]
    assert [stand.kind for stand in stands] == ["deliver"] * 3
    assert [stand.at and stand.at.astimezone(ZONE).isoformat() for stand in stands] == [
        None, "2026-12-30T10:00:00+08:00", "2027-01-30T10:00:00+08:00",
    ]  # fmt: skip
    told = [[step.node for step in stand.steps if step.told] for stand in stands]
    assert told == [["tell"], [], []], "the notice before the split is told once"


@pytest.mark.parametrize(("quantity", "state", "branch"), [(2, "now", "then"), (1, "scheduled", "else")])
def test_a_purchase_walks_to_where_the_item_waits(quantity: int, state: str, branch: str) -> None:
    graph = {"start": "many", "nodes": {
        "many": {"do": "condition", "if": {"op": "ge", "args": [{"field": "order.quantity"}, 2]}, "then": "give",
                 "else": "later", "unknown": "later"},
        "later": {"do": "wait", "for": "days", "days": 3, "then": "give"},
        "give": DELIVER}}  # fmt: skip
    made = Component("a", "a", weight=1, delivery=graph)
    parts = filled(sale_of(document(made), [benefit("a")]), quantity=quantity).parts
    assert {part.due.state for part in parts} == {state}
    due: Due = parts[0].due
    assert due.at == (None if quantity == 2 else NOW + timedelta(days=3))
    assert due.way is not None
    assert due.way.node == "give"
    assert due.way.steps[0].branch == branch


def test_the_example_of_the_docs_is_a_good_flow() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "flows.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    assert not faults(example, {"coffee": "Coffee", "tea": "Tea"})
    assert timing(example).times == 2
    kinds = {(do, wait) for do, wait in SHAPES}
    for do, wait in kinds:
        assert f"`do: {do}{f', for: {wait}' if wait else ''}`" in text, f"docs/flows.md does not tell of {do} {wait}"
    for word in (*OPERATORS, *(f".{what}" for what in COMPONENT), *FIELDS):
        assert word in text, f"docs/flows.md does not tell of {word}"
