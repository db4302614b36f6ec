"""Any graph that publishing lets through can be walked to its end, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
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
from heyi.kernel.flow import BUYER, EVENT, FAILED, TIME, Flow, Seen, of_components
from heyi.kernel.flow.fields import COMPONENT, FIELDS
from heyi.kernel.money import Money
from heyi.kernel.parts import Due
from heyi.offer.catalog.delivery import timing
from heyi.offer.catalog.graphs import SHAPES, faults
from heyi.offer.catalog.model import Component
from heyi.offer.catalog.wording import in_words, nodes_in_words

DELIVER, CANCEL = {"do": "deliver"}, {"do": "cancel"}
ENDS = ("deliver", "cancel")
FACTS = {"order.paid_at": NOW, "order.quantity": 1, "order.amount": Money(9900, "CNY")}
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
        causes = {"event": [EVENT, TIME], "deliver": [FAILED], "timer": [TIME]}.get(
            stand.kind, [BUYER, TIME] if stand.at else [BUYER]
        )
        cause = data.draw(st.sampled_from(causes))
        if cause == EVENT:
            facts[f"component.video.{data.draw(st.sampled_from([stand.event, 'over']))}_at"] = now
        assert stand.at is None or stand.at >= now
        now = stand.at or now if cause in (TIME, FAILED) else now
        before, found = stand, walked.wake(stand.node, cause, facts, now=now, until=stand.at, part=part, own=stand.own)
        assert found is not None
        stand = found
        assert stand.node != before.node, "something brought it on"
        passed += [step.node for step in stand.steps]
    assert stand.kind in ENDS
    assert len(passed) == len(set(passed)), "no node is gone through twice"
    assert set(passed) | {stand.node} <= graph["nodes"].keys()


@given(graphs().filter(lambda graph: not faults(graph)))
def test_every_graph_has_words_for_all_its_nodes(graph: dict[str, Any]) -> None:
    said = nodes_in_words(graph, zone=ZONE, titles={"video": "视频"})
    assert sorted(node.name for node in said) == sorted(graph["nodes"]), "each once"
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
        ({"component.video.redeemed_at": NOW - timedelta(days=1)}, ("deliver", "give")),
        ({"component.video.over_at": NOW - timedelta(days=1)}, ("cancel", "no")),
        ({}, ("event", "used")),
    ):
        stand = walked.wake("ask", BUYER, {**FACTS, **facts}, now=NOW)
        assert stand is not None
        assert (stand.kind, stand.node) == expected
    assert stand is not None
    assert stand.at == NOW + timedelta(days=7)


def day(days: float) -> datetime:
    return NOW + timedelta(days=days)


# (what brings it on, what is known of the video by then, where it goes on and since when); the deadline is day 7.
AWAITED = [
    (EVENT, {"redeemed": day(3)}, ("give", day(3))),
    (TIME, {"redeemed": day(3)}, ("give", day(3))),  # it happened in time, and was only heard of late
    (TIME, {"redeemed": day(7)}, ("give", day(7))),
    (EVENT, {"redeemed": day(8)}, ("no", day(7))),  # heard of before the deadline was looked at, and too late
    (TIME, {"redeemed": day(8)}, ("no", day(7))),
    (TIME, {}, ("no", day(7))),
    (EVENT, {}, None),
    (EVENT, {"activated": day(1)}, None),
    (EVENT, {"over": day(2)}, ("no", day(2))),
    (EVENT, {"redeemed": day(2), "over": day(2)}, ("give", day(2))),
]


@pytest.mark.parametrize(("cause", "known", "expected"), AWAITED)
def test_what_happened_in_time_counts_whoever_looks_first(
    cause: str, known: dict[str, datetime], expected: tuple[str, datetime] | None
) -> None:
    walked = Flow({"start": "used", "nodes": {
        "used": {"do": "wait", "for": "component", "component": "video", "event": "redeemed", "within_days": 7,
                 "then": "give", "else": "no"},
        "give": {"do": "wait", "for": "days", "days": 1, "from": "here", "then": "end"},
        "no": {"do": "wait", "for": "days", "days": 1, "from": "here", "then": "end"},
        "end": {"do": "wait", "for": "buyer", "then": "last"}, "last": DELIVER}}, ZONE)  # fmt: skip
    facts = {**FACTS, **{f"component.video.{what}_at": at for what, at in known.items()}}
    now = day(7) if cause == TIME else min(known.values(), default=NOW)
    stand = walked.wake("used", cause, facts, now=now, until=day(7))
    assert (stand and (stand.node, stand.at)) == (expected and (expected[0], expected[1] + timedelta(days=1)))


def test_of_several_items_all_have_to_end_or_fail() -> None:
    """The first one used is enough for whoever waits for a use; an end is that of the last one."""
    one, other = Seen("a", day(0), day(1), redeemed_at=day(2)), Seen("a", day(0))
    facts = of_components([one, other])
    assert (facts["component.a.redeemed_at"], facts["component.a.ended"], facts["component.a.over"]) == (
        day(2), False, False,
    )  # fmt: skip
    facts = of_components([replace(one, ended_at=day(5)), replace(other, ended_at=day(4))])
    assert (facts["component.a.ended_at"], facts["component.a.over_at"]) == (day(5), day(5))
    facts = of_components([replace(one, ended_at=day(5)), replace(other, failed_at=day(6))])
    assert (facts["component.a.ended"], facts["component.a.failed"]) == (False, False)
    assert facts["component.a.over_at"] == day(6), "nothing more happens, so nobody waits any longer"


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
    facts = {**FACTS, "component.video.activated_at": at}
    stands = [made for n in range(3) if (made := walked.wake("event", EVENT, facts, now=at, part=n)) is not None]
    assert [stand.kind for stand in stands] == ["deliver"] * 3
    assert [stand.at and stand.at.astimezone(ZONE).isoformat() for stand in stands] == [
        None, "2026-12-30T10:00:00+08:00", "2027-01-30T10:00:00+08:00",
    ]  # fmt: skip
    told = [[step.node for step in stand.steps if step.told] for stand in stands]
    assert told == [["tell"], [], []], "the notice before the split is told once"


def test_a_notice_behind_a_split_is_told_by_every_part_of_it_and_no_other() -> None:
    """Two ways lead to the same notice: by a split each part tells its own, straight on only one of them does."""
    graph = {"start": "many", "nodes": {
        "many": {"do": "condition", "if": {"op": "ge", "args": [{"field": "order.quantity"}, 2]}, "then": "split",
                 "else": "tell", "unknown": "tell"},
        "split": {"do": "split", "times": 3, "then": "tell"},
        "tell": {"do": "notify", "title": {"zh": "来了", "en": "it comes"}, "then": "ask"},
        "ask": {"do": "wait", "for": "buyer", "within_days": 9, "then": "give", "else": "late"},
        "late": {"do": "notify", "title": {"zh": "晚了", "en": "too late"}, "then": "give"},
        "give": DELIVER}}  # fmt: skip
    walked = Flow(graph, ZONE)
    for quantity, told in ((2, [["tell", "late"]] * 3), (1, [["tell", "late"], [], []])):
        heard = []
        for part in range(3):
            facts = {**FACTS, "order.quantity": quantity}
            stand = walked.begin(facts, now=NOW, part=part)
            steps = [*stand.steps]
            while stand.kind != "deliver":
                assert stand.at is not None
                found = walked.wake(stand.node, TIME, facts, now=stand.at, part=part, own=stand.own)
                assert found is not None
                stand = found
                steps += stand.steps
            heard.append([step.node for step in steps if step.told])
        assert heard == told


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
