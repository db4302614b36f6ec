"""Delivery graphs: shorthands, words, and whatever somebody may write."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.offer.catalog.making import NOW, ZONE, group

from heyi.kernel.errors import Refused
from heyi.kernel.flow import EVENTS
from heyi.offer.catalog.delivery import SHORTHAND, Timing, dues, expand, timing
from heyi.offer.catalog.graphs import SHAPES, faults
from heyi.offer.catalog.wording import in_words

AT = "2027-01-01T00:00:00+08:00"
WHEN = {
    "now": {},
    "at": {"at": AT},
    "after_days": {"days": 3},
    "monthly": {"times": 12},
    "after": {"component": "video", "event": "activated", "within_days": 30, "otherwise": "cancel"},
    "ask": {},
    "choose": {"within_days": 7, "default": ["video"]},
}


SNACK = group("snack", 1, ["video", "tea"])


@pytest.mark.parametrize("when", sorted(SHORTHAND))
def test_every_shorthand_is_a_good_graph(when):
    graph = expand({"when": when, **WHEN[when]})
    assert faults(graph, group=SNACK if when == "choose" else None) == []
    assert expand(graph) == graph
    words = in_words(graph, zone=ZONE, titles={"video": "Video"})
    assert all(words.values())


@pytest.mark.parametrize(
    "bad",
    [
        {"when": "someday"}, {"when": "at"}, {"when": "at", "at": "soon"}, {"when": "now", "days": 1},
        {"when": "after_days", "days": 0}, {"when": "after_days", "days": 3651}, {"when": "monthly", "times": 61},
        {"when": "after", **WHEN["after"], "otherwise": "wait"}, {"when": "after", **WHEN["after"], "event": "seen"},
        {"when": "at", "at": "9999-12-31T23:59:59-12:00"}, {"when": "at", "at": "0001-01-01T00:00:00+12:00"},
    ],
)  # fmt: skip
def test_an_unreadable_shorthand_is_refused(bad):
    with pytest.raises(Refused) as caught:
        expand(bad)
    assert caught.value.pointer


def test_in_words():
    def words(delivery):
        return in_words(expand(delivery), zone=ZONE, titles={"video": "视频会员"})

    assert words(None) == {"zh": "支付后立即发放", "en": "at once after payment"}
    assert words({"when": "after_days", "days": 3})["zh"] == "支付 3 天后发放"
    assert words({"when": "monthly", "times": 12})["zh"] == "首次支付后立即发放，之后每月一次，共 12 次"
    assert words({"when": "after", **WHEN["after"]})["zh"] == "「视频会员」激活后发放（30 天内，否则取消）"


def test_waits_in_a_row_mean_the_later_one_and_a_split_begins_there():
    graph = {
        "start": "a",
        "nodes": {
            "a": {"do": "wait", "for": "date", "at": AT, "then": "b"},
            "b": {"do": "wait", "for": "days", "days": 3, "then": "c"},
            "c": {"do": "split", "times": 2, "then": "d"},
            "d": {"do": "deliver"},
        },
    }
    assert faults(graph) == []
    made = timing(graph)
    assert made == Timing("monthly", at=datetime.fromisoformat(AT), days=3, times=2)
    assert [d.at.astimezone(ZONE).isoformat() for d in dues(made, paid_at=NOW, zone=ZONE)] == [
        AT, "2027-02-01T00:00:00+08:00",
    ]  # fmt: skip
    later = NOW + timedelta(days=60)
    assert dues(made, paid_at=later, zone=ZONE)[0].at == later + timedelta(days=3)


def test_days_keep_the_clock_where_clocks_change():
    zone = ZoneInfo("Europe/Berlin")
    paid = datetime(2026, 10, 24, 12, 0, tzinfo=zone)
    (due,) = dues(Timing("later", days=1), paid_at=paid, zone=zone)
    assert due.at.astimezone(zone).hour == 12
    assert due.at - paid == timedelta(hours=25)


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = {
    "at": st.sampled_from([AT, "2027-01-01", "x"]),
    "days": st.integers(-1, 4000),
    "within_days": st.integers(-1, 4000),
    "times": st.integers(-1, 70),
    "component": st.just("video"),
    "event": st.sampled_from([*EVENTS, "seen"]),
    "from": st.sampled_from(["payment", "here", "there"]),
    "if": st.sampled_from([{"field": "component.video.activated"}, {"field": "component.video"}]),
    "title": st.just({"zh": "好", "en": "good"}),
    "message": st.sampled_from([{"zh": "好", "en": "good"}, {"zh": "好"}]),
    "then": NAMES,
    "else": NAMES,
    "default": st.sampled_from([["video"], ["a", "a"], []]),
    "unknown": NAMES,
    "failed": NAMES,
}


@st.composite
def nodes(draw):
    """A node that is nearly right."""
    do, wait = draw(st.sampled_from(sorted(SHAPES, key=str)))
    made = {"do": do} if wait is None else {"do": do, "for": wait}
    must, may = SHAPES[do, wait]
    given = [*must, *draw(st.lists(st.sampled_from(may), unique=True) if may else st.just([]))]
    return made | {name: draw(VALUES[name]) for name in given}


@given(st.fixed_dictionaries({"start": NAMES, "nodes": st.dictionaries(NAMES, nodes(), min_size=1)}))
def test_a_graph_without_faults_can_be_carried_out(graph):
    found = faults(graph)
    assert all(fault.pointer for fault in found)
    if not found:
        made = timing(graph)
        assert made.kind == "flow" or dues(made, paid_at=NOW, zone=ZONE)
        assert in_words(graph, zone=ZONE, titles={})
