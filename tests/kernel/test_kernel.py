"""Words that everybody uses: money, ids, time, machines."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heyi.kernel.clock import add_months
from heyi.kernel.ids import LANES, from_text, lane_for, lane_of, new_ids, to_text
from heyi.kernel.machine import Machine
from heyi.kernel.money import Money, shares

CHINA = ZoneInfo("Asia/Shanghai")
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any)


@given(st.integers(0, 10**12), weights)
def test_shares_add_up_and_nothing_gets_nothing(amount: int, given_weights: list[int]) -> None:
    parts = shares(amount, given_weights)
    assert sum(parts) == amount
    assert all(part == 0 for part, weight in zip(parts, given_weights, strict=True) if weight == 0)
    whole = sum(given_weights)
    assert all(abs(part * whole - amount * weight) < whole for part, weight in zip(parts, given_weights, strict=True))


def test_money_does_not_mix() -> None:
    assert Money(100, "CNY").split(1, 1, 1) == [Money(34, "CNY"), Money(33, "CNY"), Money(33, "CNY")]
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(ValueError, match="weights"):
        Money(1, "CNY").split(0, 0)


@given(st.integers(0, 2**47), st.integers(1, 60), st.integers(0, LANES - 1))
def test_ids_carry_their_lane_and_order(now_ms: int, count: int, lane: int) -> None:
    ids = new_ids(now_ms, count, lane)
    assert len(set(ids)) == count
    assert ids == sorted(ids)
    assert all(lane_of(id) == lane and id.version == 7 and id.variant == "specified in RFC 4122" for id in ids)
    assert all(from_text("ord", to_text("ord", id)) == id for id in ids)


@given(st.text(max_size=40))
def test_strange_texts_are_not_ids(text: str) -> None:
    assert from_text("ord", text) is None or to_text("ord", from_text("ord", text) or UUID(int=0)) == text


def test_typeid_vectors_of_the_specification() -> None:
    """TypeID 0.3, valid.json: the same UUIDs must read the same everywhere."""
    assert to_text("prefix", UUID("0188bac7-4afa-78aa-bc3b-bd1eef28d881")) == "prefix_01h2xcejqtf2nbrexx3vqjhp41"
    assert to_text("prefix", UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")) == "prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz"
    assert from_text("prefix", "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz") is None


def test_a_buyers_lane_never_changes() -> None:
    """Stored rows are found by this formula: a changed result orphans them all."""
    channel = UUID("0188bac7-4afa-78aa-bc3b-bd1eef28d881")
    assert [lane_for(channel, buyer) for buyer in ("u-1", "u-42", "张三")] == [954, 338, 923]


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 1, 31), 2, (2026, 3, 31)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
        ((2026, 12, 15), 12, (2027, 12, 15)),
    ],
)
def test_months_keep_the_anchor_day(start: tuple[int, int, int], months: int, expected: tuple[int, int, int]) -> None:
    """Monthly parts of somebody who bought on the 31st come on the last day of short months, and on the 31st again."""
    anchor = datetime(*start, 0, 30, tzinfo=CHINA)
    assert add_months(anchor, months, CHINA).astimezone(CHINA) == datetime(*expected, 0, 30, tzinfo=CHINA)
    assert add_months(anchor, months, CHINA).tzinfo is UTC


# The table, and the states (beside its first) in which things are born.
MACHINES = [
    ("heyi.order.checkout.model", "ITEM", ("waiting_for_buyer", "waiting_for_stock", "delivering", "delivered")),
    ("heyi.provision.fulfilment.model", "TASK", ("waiting_for_event", "waiting_for_buyer", "waiting_for_person")),
    ("heyi.provision.fulfilment.model", "ATTEMPT", ()),
    ("heyi.provision.entitlement.model", "MACHINE", ("pending_delivery", "pending_activation", "active")),
    ("heyi.provision.redemption.model", "MACHINE", ()),
    ("heyi.provision.stock.model", "KEYS", ()),
    ("heyi.provision.stock.model", "BATCHES", ()),
    ("heyi.offer.catalog.model", "BUNDLE", ()),
    ("heyi.offer.catalog.model", "VERSION", ()),
]


@pytest.mark.parametrize(("module", "name", "born"), MACHINES, ids=lambda v: str(v))
def test_every_state_is_reachable(module: str, name: str, born: tuple[str, ...]) -> None:
    machine: Machine[str] = getattr(importlib.import_module(module), name)
    unreachable = machine.states() - machine.reachable(*born)
    assert not unreachable, f"{name}: nothing leads to {unreachable}"
