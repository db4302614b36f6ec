"""Filling a wish: shares, choices, accounts, dates."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.offer.catalog.making import (
    NOW,
    PHONE,
    ZONE,
    amounts,
    benefit,
    component,
    document,
    filled,
    group,
    refused,
    sale_of,
)

from heyi.kernel.clock import add_months
from heyi.kernel.money import Money
from heyi.offer.catalog.model import SOURCES


def joint():
    """Five parts: two card keys, a voucher, a link and a top-up; a choice of two snacks out of three."""
    benefits = [benefit("a"), benefit("b"), benefit("v", "voucher"), benefit("l", "link"), benefit("t", "top_up")]
    benefits += [benefit(o) for o in ("coffee", "tea", "cake")]
    parts = [component(code, weight=w) for code, w in zip("abvlt", (30, 20, 10, 0, 20), strict=True)]
    return sale_of(document(*parts, groups=[group("snack", 2, ["coffee", "tea", "cake"], weight=10)]), benefits)


SNACKS = {"snack": ("tea", "coffee")}


def test_one_part_per_item_in_order_with_shares_that_add_up():
    made = filled(joint(), accounts={"phone": "13800138000"}, choices=SNACKS)
    assert [p.component for p in made.parts] == ["a", "b", "v", "l", "t", "tea", "coffee"]
    assert amounts(made.parts) == [2970, 1980, 990, 0, 1980, 990, 990]
    assert made.amount == Money(9900, "CNY")
    assert [p.earn_on for p in made.parts] == ["delivery", "delivery", "use", *["delivery"] * 4]
    assert made.parts[2].units == 2
    assert made.parts[4].accounts == {"phone": "13800138000"}
    assert all(p.due.state == "now" for p in made.parts)


def test_a_missing_account_is_left_to_the_buyer():
    part = filled(joint(), choices=SNACKS).parts[4]
    assert part.accounts == {}
    assert part.fields == (PHONE,)
    assert part.due.state == "now"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [("bundle.choice_missing", "/choices/snack")]),
        ({"choices": {"snack": ("tea",)}}, [("bundle.choice_count", "/choices/snack")]),
        ({"choices": {"snack": ("tea", "beer")}}, [("bundle.choice_unknown", "/choices/snack/1")]),
        ({"choices": {"snack": ("tea", "tea")}}, [("bundle.choice_repeated", "/choices/snack/1")]),
        ({"choices": {**SNACKS, "x/y": ("tea",)}}, [("bundle.choice_group_unknown", "/choices/x~1y")]),
        ({"choices": SNACKS, "quantity": 2}, [("bundle.one_at_a_time", "/quantity")]),
        ({"choices": SNACKS, "quantity": 0}, [("bundle.quantity", "/quantity")]),
        ({"choices": SNACKS, "quantity": 101}, [("bundle.quantity", "/quantity")]),
        ({"choices": SNACKS, "accounts": {"phone": "138"}}, [("bundle.account_malformed", "/accounts/phone")]),
        (
            {"choices": SNACKS, "accounts": {"phone": "13800138000\n"}},
            [("bundle.account_malformed", "/accounts/phone")],
        ),
        (
            {"choices": SNACKS, "accounts": {"phone": "1", "qq": "1"}},
            [("bundle.account_malformed", "/accounts/phone"), ("bundle.account_unknown", "/accounts/qq")],
        ),
        ({"choices": SNACKS, "expected": Money(9899, "CNY")}, [("price.changed", "/expected_amount")]),
        ({"choices": SNACKS, "expected": Money(9900, "USD")}, [("price.changed", "/expected_amount")]),
    ],
)
def test_refusals_name_the_field(asked, expected):
    assert refused(joint(), **asked) == expected


def test_the_expected_amount_is_that_of_the_whole_order():
    sale = sale_of(document(component("a"), price=100), [benefit("a")], price_minor=90)
    made = filled(sale, quantity=3, expected=Money(270, "CNY"))
    assert amounts(made.parts) == [90, 90, 90]


def test_explicit_shares_come_out_to_the_fen():
    parts = [
        component("a", weight=None, share_minor=100, quantity=3),
        component("b", weight=None, share_minor=200, when={"when": "monthly", "times": 3}),
    ]
    made = filled(sale_of(document(*parts, price=300), [benefit("a"), benefit("b")]), quantity=2)
    by_code = {code: [p.share.amount_minor for p in made.parts if p.component == code] for code in "ab"}
    assert sum(by_code["a"]) == 200
    assert len(by_code["a"]) == 6
    assert sum(by_code["b"]) == 400
    assert len(by_code["b"]) == 6


def test_quantities_multiply_and_monthly_parts_keep_the_anchor_day():
    parts = [component("a", quantity=2), component("m", when={"when": "monthly", "times": 4})]
    paid = NOW.replace(month=1, day=31)
    made = filled(sale_of(document(*parts), [benefit("a"), benefit("m")]), paid, quantity=2)
    assert [p.component for p in made.parts] == ["a"] * 4 + ["m"] * 8
    dues = [p.due for p in made.parts if p.component == "m"]
    assert dues[:4] == dues[4:]
    assert dues[0].state == "now"
    assert [d.at.astimezone(ZONE).day for d in dues[1:4]] == [28, 31, 30]
    assert dues[3].at == add_months(paid, 3, ZONE)


@pytest.mark.parametrize(
    ("when", "state", "days"),
    [
        ({"when": "after_days", "days": 3}, "scheduled", 3),
        ({"when": "at", "at": "2026-11-24T12:00:00+08:00"}, "scheduled", 2),
        ({"when": "ask"}, "waiting_for_buyer", None),
        (
            {"when": "after", "component": "a", "event": "activated", "within_days": 30, "otherwise": "cancel"},
            "after",
            30,
        ),
    ],
)
def test_dates_count_from_the_payment(when, state, days):
    sale = sale_of(document(component("a"), component("b", when=when)), [benefit("a"), benefit("b")])
    due = filled(sale).parts[1].due
    assert due.state == state
    assert due.at == (NOW + timedelta(days=days) if days else None)
    if state == "after":
        assert (due.component, due.event, due.otherwise) == ("a", "activated", "cancel")


def test_a_date_that_has_come_means_now():
    sale = sale_of(
        document(component("a", when={"when": "at", "at": "2026-11-24T12:00:00+08:00"})), [benefit("a")]
    )  # fmt: skip
    assert filled(sale, NOW + timedelta(days=9)).parts[0].due.state == "now"


def test_accounts_are_mapped_to_the_fields_of_each_benefit():
    parts = [
        component("video", accounts={"phone": "video_phone"}),
        component("music", accounts={"phone": "music_phone"}),
        component("charge", accounts={"phone": "music_phone"}),
    ]
    sale = sale_of(document(*parts), [benefit(c, "top_up") for c in ("video", "music", "charge")])
    made = filled(sale, accounts={"video_phone": "13800138000", "music_phone": "13900139000"})
    assert [p.accounts["phone"] for p in made.parts] == ["13800138000", "13900139000", "13900139000"]
    assert refused(sale, accounts={"phone": "13800138000"}) == [("bundle.account_unknown", "/accounts/phone")]


def test_a_benefit_without_an_active_offer_is_not_sold():
    sale = joint()
    (line,) = sale.lines.values()
    line.offers.pop(next(iter(line.offers)))
    assert refused(sale, choices=SNACKS) == [("bundle.no_offer", "/bundle")]


def test_an_order_has_a_bounded_number_of_items():
    sale = sale_of(document(component("a", quantity=60)), [benefit("a")])
    assert refused(sale, quantity=9) == [("bundle.quantity", "/quantity")]
    assert len(filled(sale, quantity=8).parts) == 480


@st.composite
def bundles(draw):
    """Any publishable bundle with a wish that fits it."""
    count = draw(st.integers(0, 5))
    weights = draw(st.lists(st.integers(0, 10**6), min_size=count, max_size=count))
    benefits, parts, choices, groups = [], [], {}, []
    for i, weight in enumerate(weights):
        kind = draw(st.sampled_from(sorted(SOURCES)))
        when = draw(st.sampled_from([None, {"when": "ask"}, {"when": "monthly", "times": draw(st.integers(1, 12))}]))
        benefits.append(benefit(f"c{i}", kind))
        parts.append(component(f"c{i}", weight=weight, when=when, quantity=draw(st.integers(1, 3)),
                               accounts={"phone": f"phone_{i}"} if kind == "top_up" else {}))  # fmt: skip
    for g in range(draw(st.integers(0 if sum(weights) else 1, 2))):
        options = [f"g{g}o{i}" for i in range(draw(st.integers(1, 4)))]
        benefits += [benefit(o) for o in options]
        pick = draw(st.integers(1, len(options)))
        groups.append(group(f"g{g}", pick, options, weight=draw(st.integers(1, 10**6))))
        choices[f"g{g}"] = tuple(draw(st.permutations(options))[:pick])
    asks = any(b.properties.fields for b in benefits)
    quantity = 1 if asks else draw(st.integers(1, 3))
    made = document(*parts, groups=groups, price=draw(st.integers(0, 10**9)))
    price = draw(st.none() | st.integers(0, 10**9))
    return sale_of(made, benefits, price_minor=price), made, price, {"quantity": quantity, "choices": choices}


@given(bundles())
def test_shares_sum_to_the_amount_for_any_bundle(drawn):
    sale, made, price, asked = drawn
    answer = filled(sale, **asked)
    assert answer.amount.amount_minor == (made.price_minor if price is None else price) * asked["quantity"]
    assert sum(amounts(answer.parts)) == answer.amount.amount_minor
    assert min(amounts(answer.parts)) >= 0
    # The second time comes from the kept plan, and is the same.
    assert filled(sale, **asked) == answer
