"""A sample order walks a version's flows: what would happen, when, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from tests.offer.catalog.making import NOW, ZONE, benefit, component, document, faults_of, group
from tests.offer.catalog.test_flows import CANCEL, DELIVER, graphs

from heyi.kernel.money import Money
from heyi.kernel.parts import Validity
from heyi.offer.catalog.checks import snapshot
from heyi.offer.catalog.compiled import compile_version
from heyi.offer.catalog.graphs import faults
from heyi.offer.catalog.model import Component
from heyi.offer.catalog.sample import HAPPENINGS, Ended, Happening, Sample, Told
from heyi.offer.catalog.simulation import simulate

VIDEO = benefit("video", "top_up", validity=Validity(days=31))
ALL = [VIDEO, benefit("tea"), benefit("lounge", "voucher")]


def played(
    graph: dict[str, Any], *happens: tuple[str, str, int], accounts: bool = True
) -> tuple[list[Told], list[Ended]]:
    """The story of the tea with this graph beside a video and a lounge. Happenings: component, what, days after."""
    made = document(component("video"), component("lounge"), Component("tea", "tea", weight=1, delivery=graph))
    assert not faults_of(made, ALL)
    compiled = compile_version(UUID(int=9), "bundle", 1, snapshot(made, {b.code: b for b in ALL}))
    happenings = [Happening(code, what, NOW + timedelta(days=days)) for code, what, days in happens]
    given_now = {"phone": "13800138000"} if accounts else {}
    return simulate(compiled, Sample("", 1, NOW, Money(9900, "CNY"), given_now, {}, happenings), ZONE)


def tea(story: list[Told]) -> list[tuple[str, str | None, int]]:
    return [(told.what, told.node, (told.at - NOW).days) for told in story if told.component == "tea"]


USED = {"start": "used", "nodes": {
    "used": {"do": "wait", "for": "component", "component": "lounge", "event": "redeemed", "within_days": 7,
             "then": "split", "else": "tell"},
    "split": {"do": "split", "times": 2, "then": "give"},
    "tell": {"do": "notify", "title": {"zh": "来晚了", "en": "too late"}, "then": "no"},
    "give": DELIVER, "no": CANCEL}}  # fmt: skip


def test_an_event_in_time_and_not() -> None:
    story, items = played(USED, ("lounge", "redeemed", 3))
    assert tea(story)[:2] == [("waits", "used", 0), ("waits", "used", 0)]
    assert ("delivered", "give", 3) in tea(story)
    assert tea(story)[-1] == ("delivered", "give", 33), "the second part comes a month after the split"
    assert [item.state for item in items] == ["delivered"] * 4
    story, items = played(USED)
    assert tea(story)[2:] == [("passed", "used", 7), ("told", "tell", 7), ("cancelled", "no", 7),
                              ("passed", "used", 7), ("cancelled", "no", 7)]  # fmt: skip
    told = next(one for one in story if one.what == "told")
    assert told.words == {"zh": "通知「来晚了」", "en": "tell “too late”"}
    assert [item.state for item in items] == ["delivered", "delivered", "cancelled", "cancelled"]


def test_what_is_activated_by_its_delivery_is_seen_by_whoever_waits_for_that() -> None:
    """The video comes at once and is active then; a tea that waits for it must not be told to wait in vain."""
    graph = {"start": "video", "nodes": {
        "video": {"do": "wait", "for": "component", "component": "video", "event": "activated", "within_days": 7,
                  "then": "give", "else": "no"},
        "give": DELIVER, "no": CANCEL}}  # fmt: skip
    story, items = played(graph)
    assert tea(story) == [("waits", "video", 0), ("passed", "video", 0), ("delivered", "give", 0)]
    assert [item.state for item in items] == ["delivered"] * 3


def test_a_delivery_fails_and_falls_back_and_then_needs_a_person() -> None:
    graph = {"start": "first", "nodes": {
        "first": {"do": "deliver", "failed": "wait"},
        "wait": {"do": "wait", "for": "days", "days": 2, "from": "here", "then": "second"},
        "second": DELIVER}}  # fmt: skip
    story, _ = played(graph, ("tea", "delivery_fails", 0))
    assert tea(story) == [
        ("delivery_failed", "first", 0), ("passed", "first", 0), ("passed", "wait", 0), ("waits", "second", 0),
        ("delivered", "second", 2),
    ]  # fmt: skip
    story, items = played(graph, ("tea", "delivery_fails", 0), ("tea", "delivery_fails", 1))
    assert tea(story)[-1] == ("needs_person", "second", 2)
    assert items[-1].state == "delivering"


def test_why_a_condition_went_its_way() -> None:
    graph = {"start": "look", "nodes": {
        "look": {"do": "condition", "then": "give", "else": "no", "unknown": "ask",
                 "if": {"op": "gt", "args": [{"field": "component.lounge.activated_at"}, {"field": "now"}]}},
        "ask": {"do": "wait", "for": "buyer", "then": "give"}, "give": DELIVER, "no": CANCEL}}  # fmt: skip
    story, items = played(graph, ("tea", "asked", 4))
    look = next(one for one in story if one.node == "look")
    assert look.branch == "unknown"
    assert "component.lounge.activated_at" in look.words["en"]
    assert tea(story)[-1] == ("delivered", "give", 4)
    assert items[-1].since == NOW + timedelta(days=4)
    story, items = played(graph)
    assert items[-1].state == "waiting_for_buyer"


def test_a_choice_left_open_takes_its_default() -> None:
    open_ = {"start": "choose", "nodes": {"choose": {"do": "choose", "within_days": 9, "default": ["lounge", "tea"]}}}
    made = document(component("video"), groups=[replace(group("snack", 2, ["tea", "lounge"]), delivery=open_)])
    compiled = compile_version(UUID(int=9), "bundle", 1, snapshot(made, {b.code: b for b in ALL}))
    story, items = simulate(compiled, Sample("", 1, NOW, Money(9900, "CNY"), {"phone": "13800138000"}, {}), ZONE)
    assert [(told.what, told.words["en"]) for told in story if told.what == "chosen"] == [
        ("chosen", "Lounge is chosen by default"), ("chosen", "Tea is chosen by default"),
    ]  # fmt: skip
    assert [(item.component, item.state) for item in items][1:] == [("lounge", "delivered"), ("tea", "delivered")]
    assert items[1].since == NOW + timedelta(days=9)


def ends(component: str) -> dict[str, Any]:
    return {"start": "ended", "nodes": {
        "ended": {"do": "wait", "for": "component", "component": component, "event": "ended", "within_days": 60,
                  "then": "give", "else": "no"},
        "give": DELIVER, "no": CANCEL}}  # fmt: skip


def test_rights_expire_and_are_used_up() -> None:
    """The video's month is over after 31 days; the lounge ends with its second unit, and cannot be redeemed again."""
    story, items = played(ends("video"))
    assert tea(story)[-1] == ("delivered", "give", 31)
    assert [item.state for item in items] == ["delivered"] * 3, "an item stays delivered; its right has ended"
    story, _ = played(ends("lounge"), ("lounge", "redeemed", 1), ("lounge", "redeemed", 4), ("lounge", "redeemed", 5))
    assert tea(story)[-1] == ("delivered", "give", 4)
    assert [one.what for one in story if one.component == "lounge"] == [
        "delivered", "happens", "happens", "ended", "cannot_happen",
    ]  # fmt: skip


def test_what_happens_on_the_last_moment_of_a_deadline_is_in_time() -> None:
    story, _ = played(USED, ("lounge", "redeemed", 7))
    assert ("delivered", "give", 7) in tea(story)


def test_accounts_that_are_given_before_the_day_are_kept_for_it() -> None:
    later = {"start": "w", "nodes": {"w": {"do": "wait", "for": "days", "days": 9, "then": "give"}, "give": DELIVER}}
    made = document(Component("video", "video", weight=1, delivery=later))
    compiled = compile_version(UUID(int=9), "bundle", 1, snapshot(made, {b.code: b for b in ALL}))
    asked = [Happening("video", "asked", NOW + timedelta(days=2)), Happening("video", "asked", NOW + timedelta(days=3))]
    story, items = simulate(compiled, Sample("", 1, NOW, Money(9900, "CNY"), {}, {}, asked), ZONE)
    assert [one.what for one in story if one.item is None] == ["happens", "cannot_happen"]
    assert (items[0].state, items[0].since) == ("delivered", NOW + timedelta(days=9))


def test_a_choice_that_is_made_later_and_one_that_was_made_with_the_order() -> None:
    open_ = {"start": "wait", "nodes": {
        "wait": {"do": "wait", "for": "days", "days": 3, "then": "choose"},
        "choose": {"do": "choose", "within_days": 9, "default": ["tea"]}}}  # fmt: skip
    made = document(groups=[replace(group("snack", 1, ["tea", "lounge"]), delivery=open_)])
    compiled = compile_version(UUID(int=9), "bundle", 1, snapshot(made, {b.code: b for b in ALL}))
    chosen = [Happening("snack", "chosen", NOW + timedelta(days=day), "lounge") for day in (1, 5)]
    sample = Sample("", 1, NOW, Money(9900, "CNY"), {}, {}, chosen)
    story, items = simulate(compiled, sample, ZONE)
    assert [one.what for one in story if one.item is None] == ["cannot_happen", "happens"]
    assert [(item.component, item.since) for item in items] == [("lounge", NOW + timedelta(days=5))]
    story, items = simulate(compiled, replace(sample, choices={"snack": ["lounge"]}, happenings=[]), ZONE)
    assert [(item.component, item.since) for item in items] == [("lounge", NOW + timedelta(days=3))]


def test_what_cannot_happen_is_said() -> None:
    story, items = played(USED, ("video", "redeemed", 1), ("video", "asked", 2), accounts=False)
    assert [one.what for one in story if one.item is None] == ["cannot_happen", "happens"]
    assert items[0].since == NOW + timedelta(days=2), "the account came with the asking"


@given(
    graphs().filter(lambda graph: not faults(graph) and "redeemed" not in str(graph)),
    st.lists(st.tuples(st.sampled_from(["video", "tea", "lounge"]), st.sampled_from(HAPPENINGS), st.integers(0, 50)),
             max_size=6),
)  # fmt: skip
def test_every_story_ends_and_is_told_in_both_languages(graph: dict[str, Any], happens: list[Any]) -> None:
    if any(node.get("at", "9") <= NOW.isoformat() for node in graph["nodes"].values()):
        return
    story, items = played(graph, *happens)
    assert len(items) >= 3
    assert all(one.words["zh"] and one.words["en"] for one in story)
    assert {item.state for item in items} <= {"delivered", "cancelled", "waiting_for_buyer", "delivering", "ended"}
