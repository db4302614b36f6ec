"""What partners tell, in whatever order it arrives, leads to the same end; and nothing ever moves backwards."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.provision.entitlement.making import DAY, NOW, Validity, a_right

from heyi.provision.entitlement import Right, provider
from heyi.provision.usage import rules
from heyi.provision.usage.lists import Promise
from heyi.provision.usage.model import FORCED, RANK, Belief, Policy, Ruling, Told

HOUR = timedelta(hours=1)


@dataclass
class Ledger:
    """Our right and its books, moved as the flow moves them: units earn their part, expiry earns the rest."""

    right: Right
    belief: Belief
    now: datetime = NOW + 13 * DAY
    earned: int = 0
    cost: int = 0
    drifts: tuple[str, ...] = ()

    def hear(self, told: Told, policy: Policy) -> None:
        found = rules.compare(rules.heard(self.belief, told), self.right, policy, follow_at(self.now))
        units = found.ruling.units
        if units and self.right.ended_why != "expired":
            self.earned += 1000 // self.right.units_total * units
        self.cost += 600 // self.right.units_total * units
        if found.ruling.end == "expired":
            share = 1000 if self.right.kind == "voucher" else 0
            self.earned = share
        assert RANK.get(found.belief.state or "", -1) >= RANK.get(self.belief.state or "", -1)
        assert not (self.right.state == "ended" and found.after.state != "ended")
        assert not (self.right.state == "active" and found.after.state == "pending_activation")
        assert found.after.units_left <= self.right.units_left
        self.right, self.belief, self.drifts = found.after, found.belief, found.ruling.drifts

    @property
    def end(self) -> tuple[Any, ...]:
        right, belief = self.right, replace(self.belief, began=False, followed=None)
        term = None if right.state == "ended" else (right.activated_at, right.valid_from, right.valid_to)
        return right.state, right.units_left, self.earned, self.cost, set(self.drifts), belief, term


def follow_at(now: datetime) -> Callable[[Right, Ruling], Right]:
    def follow(right: Right, ruling: Ruling) -> Right:
        return provider.followed(right, begins_at=ruling.begins_at, units=ruling.units, end=ruling.end, now=now)

    return follow


def told(kind: str | None, hours: int, *, units: int | None = None, total: int = 0, seen: int | None = None) -> Told:
    at = NOW + hours * HOUR
    count = (1 if kind == "used" and not total else 0) if units is None else units
    return Told(kind, at, at if seen is None else NOW + seen * HOUR, count, total)  # type: ignore[arg-type]


def ledger(right: Right) -> Ledger:
    return Ledger(right, Belief(right.id, right.partner_id))


def without_contradictions(right: Right, reports: list[Told]) -> list[Told]:
    """The same reports, and no use of more than a day after an end that somebody has told."""
    ends = [one.at for one in reports if one.kind in ("expired", "cancelled")]
    ends += [right.ended_at] if right.ended_at is not None else []
    latest = min(ends, default=NOW + 300 * HOUR) + DAY
    return [replace(one, at=min(one.at, latest)) if one.kind == "used" else one for one in reports]


WORDS = st.sampled_from(["follow", "list", "careful"])
POLICIES = st.builds(Policy, WORDS, WORDS, WORDS, WORDS)
REPORTS = st.lists(
    st.one_of(
        st.builds(told, st.sampled_from(["activated", "used", "expired", "cancelled"]), st.integers(0, 200)),
        st.builds(told, st.just("used"), st.integers(0, 200), units=st.integers(1, 3)),
        st.builds(told, st.sampled_from(["pending", "activated"]), st.integers(0, 99), seen=st.integers(100, 300)),
        st.builds(told, st.just("used"), st.integers(0, 99), units=st.just(0), total=st.integers(1, 3),
                  seen=st.integers(100, 300)),
        st.builds(told, st.none(), st.integers(0, 300), units=st.just(0)),
    ),
    max_size=7,
)  # fmt: skip
RIGHTS = st.sampled_from([
    a_right("active", "voucher", units=2, earn_on="use"),
    a_right("active", "voucher", units=2, valid_to=NOW + 4 * DAY, earn_on="use"),
    a_right("pending_activation", "voucher", units=2, earn_on="use"),
    a_right("pending_activation", "card_key", validity=Validity(days=4, start="activation")),
    a_right("pending_activation", "voucher", units=2, validity=Validity(days=4, start="activation"), earn_on="use"),
    a_right("pending_activation", "link"),
    a_right("active", "top_up", valid_to=NOW + 4 * DAY),
    a_right("active", "top_up"),
    a_right("pending_delivery", "top_up"),
    a_right("failed", "top_up", ended_at=NOW),
    a_right("ended", "voucher", units=2, ended_why="cancelled", ended_at=NOW + DAY, earn_on="use"),
    a_right("ended", "top_up", ended_why="expired", ended_at=NOW + DAY),
])  # fmt: skip


@given(RIGHTS, REPORTS, POLICIES, st.randoms(use_true_random=False))
@settings(max_examples=500, deadline=None, derandomize=True, database=None)
def test_reports_in_any_order_lead_to_the_same_end(
    right: Right, reports: list[Told], policy: Policy, chance: random.Random
) -> None:
    """Late, early, shuffled, now or days later: our right, its term, its units, its books, the drifts and the belief
    come out the same. Uses of long after the end are another story: a person's.
    """
    reports = without_contradictions(right, reports)
    straight, shuffled = ledger(right), ledger(right)
    for one in reports:
        straight.hear(one, policy)
    for one in chance.sample(reports, len(reports)):
        shuffled.now += chance.randint(0, 100) * HOUR
        shuffled.hear(one, policy)
    assert straight.end == shuffled.end
    assert straight.earned <= 1000
    assert straight.cost <= 600


@given(RIGHTS, REPORTS, POLICIES)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_looking_again_changes_nothing(right: Right, reports: list[Told], policy: Policy) -> None:
    """What was concluded once is a fixed point: a second look at the same words moves nothing."""
    one = ledger(right)
    for each in reports:
        one.hear(each, policy)
    again = rules.compare(one.belief, one.right, policy, follow_at(one.now + DAY))
    assert (again.after, again.ruling.units, set(again.ruling.drifts)) == (one.right, 0, set(one.drifts))


def test_every_order_of_one_week() -> None:
    """An activation, two uses and an expiry at the end of the term: all 24 orders, by the careful rule."""
    right = a_right("pending_activation", "voucher", units=3, earn_on="use")
    week = [told("activated", 1), told("used", 2), told("used", 50), told("expired", 24 * 8)]
    ends = []
    for order in itertools.permutations(week):
        one = ledger(right)
        for each in order:
            one.hear(each, Policy())
        ends.append(one.end)
    assert all(end == ends[0] for end in ends)
    assert ends[0][:2] == ("active", 1)  # a voucher without an end of its own: whether it is over, a person decides
    assert ends[0][4] == {"we_active_they_ended"}


ALIVE, GONE, USED = told("activated", 48), told("cancelled", 48), told("used", 48)
OVER = told("expired", 48)
CASES = [
    # ours, what they say -> what we become, what is listed
    (a_right("pending_activation", "card_key"), ALIVE, "active", ()),
    (a_right("pending_activation", "card_key", holds=("risk",)), ALIVE, "pending_activation",
     ("they_active_we_pending",)),
    (a_right("pending_delivery", "top_up"), ALIVE, "pending_delivery", ("they_active_we_pending",)),
    (a_right("failed", "top_up", ended_at=NOW), ALIVE, "failed", ("we_ended_they_active",)),
    (a_right("ended", "top_up", ended_why="cancelled", ended_at=NOW), ALIVE, "ended", ("we_ended_they_active",)),
    (a_right("ended", "top_up", ended_why="cancelled", ended_at=NOW + 3 * DAY), ALIVE, "ended", ()),
    (a_right("ended", "voucher", left=0, ended_why="used_up", ended_at=NOW), ALIVE, "ended", ()),
    (a_right("active", "top_up"), GONE, "active", ("we_active_they_ended",)),
    (a_right("active", "top_up"), OVER, "active", ("we_active_they_ended",)),  # how long it lasts nobody has said
    (a_right("active", "top_up", valid_to=NOW + 2 * DAY), OVER, "ended", ()),
    (a_right("active", "top_up", valid_to=NOW + 30 * DAY), OVER, "active", ("we_active_they_ended",)),
    (a_right("pending_activation", "card_key"), OVER, "pending_activation", ("we_active_they_ended",)),
    (a_right("active", "voucher", units=2), USED, "active", ()),
    (a_right("active", "voucher"), USED, "ended", ()),
    (a_right("active", "voucher", holds=("dispute",)), USED, "active", ("they_used_more",)),
    (a_right("active", "voucher"), told("used", 1, units=2), "ended", ("they_used_more",)),
    (a_right("ended", "voucher", ended_why="cancelled", ended_at=NOW), USED, "ended",
     ("they_used_more", "we_ended_they_active")),
    (a_right("active", "top_up"), told(None, 48, units=0), "active", ("ours_unknown_to_them",)),
    (a_right("ended", "top_up", ended_why="expired", ended_at=NOW), told(None, 48, units=0), "ended", ()),
    (a_right("active", "top_up"), told("pending", 48), "active", ()),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].kind} {c[0].state} {c[1].kind} -> {c[2]} {c[3]}")
def test_by_the_careful_rule(case: tuple[Right, Told, str, tuple[str, ...]]) -> None:
    """Nothing that costs the buyer what he paid for happens without a person."""
    right, word, state, drifts = case
    one = ledger(right)
    one.hear(word, Policy())
    assert (one.right.state, one.drifts) == (state, drifts)


def test_what_tills_have_promised_is_not_taken_twice() -> None:
    """A till has prepared one unit: a report of one use may speak of it, so nothing is used beside it."""
    right = replace(a_right("active", "voucher", units=2, left=1), units_reserved=1)
    assert rules.begin(right, rules.heard(Belief(right.id, right.partner_id), USED), Policy()).units == 0
    two = rules.heard(Belief(right.id, right.partner_id), told("used", 1, units=2))
    assert rules.begin(right, two, Policy()).units == 1


def test_units_that_a_till_gave_back_are_a_persons_question() -> None:
    """Used and reversed at the till, and one use reported: nobody can tell whether it is the same one."""
    right = a_right("active", "voucher", units=2)
    found = rules.begin(right, rules.heard(Belief(right.id, right.partner_id), USED), Policy(), reversed_units=1)
    assert (found.units, found.drifts) == (0, ("they_used_more",))


def test_a_person_can_tell() -> None:
    """The same question, and a person says that it is another use: then it counts, and nothing is left of it."""
    one = ledger(a_right("active", "voucher", units=2))
    found = rules.compare(rules.heard(one.belief, USED), one.right, FORCED, follow_at(one.now), reversed_units=1)
    assert (found.after.units_left, found.ruling.units, found.ruling.drifts) == (1, 1, ())


def test_what_a_person_has_ended_no_rule_ends_otherwise() -> None:
    """He followed their cancellation, and has refunded it: an expiry that they tell later changes nothing. Where a rule
    followed it, expiry counts, in whatever order the two arrive.
    """
    for policy, why in ((FORCED, "cancelled"), (Policy(cancelled="follow"), "expired")):
        one = ledger(a_right("active", "voucher", units=2, valid_to=NOW + 2 * DAY, earn_on="use"))
        one.hear(GONE, policy)
        one.hear(OVER, Policy(cancelled="follow"))
        assert (one.right.ended_why, one.drifts) == (why, ())


def test_an_end_of_before_the_right_is_about_another_one() -> None:
    """A supplier gives a number out again, and what its last owner had is over since 2001."""
    one = ledger(a_right("active", "top_up"))
    one.hear(told("expired", -24 * 9000), Policy(expired="follow"))
    assert (one.right.state, one.drifts) == ("active", ("we_active_they_ended",))
    one.hear(told("expired", 1), Policy(expired="follow"))
    assert (one.right.state, one.drifts) == ("ended", ())


@pytest.mark.parametrize("policy", [Policy(), Policy(used="follow")])
def test_a_use_of_long_after_the_end_is_a_persons_question(policy: Policy) -> None:
    """It may be of another right, or the end was wrong: nothing is paid by a rule. A person may."""
    one = ledger(a_right("active", "voucher", units=3, valid_to=NOW + 4 * DAY, earn_on="use"))
    one.hear(told("expired", 24 * 4), policy)
    one.hear(told("used", 24 * 5), policy)
    assert (one.right.units_left, one.drifts) == (2, ("we_ended_they_active",))
    one.hear(told("used", 24 * 12), policy)
    assert (one.right.units_left, set(one.drifts)) == (2, {"they_used_more", "we_ended_they_active"})
    found = rules.compare(one.belief, one.right, FORCED, follow_at(one.now))
    assert (found.after.units_left, found.ruling.drifts) == (1, ("we_ended_they_active",))


def test_a_term_begins_when_they_say_that_it_began() -> None:
    """Thirty days from activation, of which we hear twelve days late; then they say that it was a day earlier still."""
    days = Validity(days=30, start="activation")
    one = ledger(a_right("pending_activation", "card_key", validity=days, delivered_at=NOW))
    one.hear(told("used", 24), Policy())
    assert (one.right.activated_at, one.right.valid_to) == (NOW + DAY, NOW + 31 * DAY)
    one.right = replace(one.right, valid_to=NOW + 33 * DAY)  # a pause has given two days back
    one.hear(told("activated", 12), Policy())
    assert (one.right.activated_at, one.right.valid_to) == (NOW + DAY / 2, NOW + 32.5 * DAY)
    one.hear(told("activated", -50), Policy())  # nothing begins before it was delivered
    assert (one.right.activated_at, one.right.valid_to) == (NOW, NOW + 32 * DAY)


@pytest.mark.parametrize(
    ("at", "right"),
    [
        ("2027-01-01T07:00:00+08:00", True),
        ("2027-01-01T07:10:00+08:00", True),
        ("2027-01-01T07:10:01+08:00", False),
        ("2026-12-31T15:00:00-08:00", True),
        ("2000-01-01T00:00:00+00:00", True),
        ("2000-01-01T07:59:59+08:00", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-14:00", False),
    ],
)
def test_the_year_begins_earlier_in_the_east(at: str, right: bool) -> None:
    """An hour before midnight in London, somebody reports what happened at seven in the morning in Shanghai."""
    now = datetime.fromisoformat("2026-12-31T23:00:00+00:00")
    assert rules.is_time(datetime.fromisoformat(at), rules.latest(now, now - DAY)) is right


def test_a_right_that_the_buyer_began_keeps_his_moment() -> None:
    days = Validity(days=30, start="activation")
    right = a_right("active", "card_key", validity=days, activated_at=NOW + DAY, valid_to=NOW + 31 * DAY)
    one = ledger(right)
    one.hear(told("activated", 1), Policy())
    assert one.right == right


def test_a_persons_word_follows_what_the_rule_lists() -> None:
    right = a_right("active", "top_up", valid_to=NOW + 30 * DAY)
    for word in (GONE, OVER):
        one = ledger(right)
        one.hear(word, Policy(cancelled="follow", expired="follow"))
        assert (one.right.state, one.right.ended_why) == ("ended", word.kind)


@pytest.mark.parametrize(
    ("state", "heard", "drained", "fresh"),
    [
        ("active", None, None, "never_heard"), ("active", 1, None, "yes"), ("active", 30, None, "stale"),
        ("active", 30, 1, "yes"), ("active", None, 1, "never_heard"), ("pending_activation", 25, 25, "stale"),
        ("ended", 1, None, "not_expected"), ("pending_delivery", None, None, "not_expected"),
    ],
)  # fmt: skip
def test_freshness(state: str, heard: int | None, drained: int | None, fresh: str) -> None:
    """A day's promise. A list of changes that was read confirms what it left out, but not what it never named."""

    def ago(hours: int | None) -> datetime | None:
        return None if hours is None else NOW - hours * HOUR

    assert rules.fresh(state, ago(heard), Promise(86_400, ago(drained)), NOW) == fresh
    assert rules.fresh(state, ago(heard), None, NOW) == "not_expected"


def test_late_is_what_tells_nothing_new() -> None:
    belief = rules.heard(Belief(a_right().id, a_right().partner_id), told("used", 10))
    for word, late in (
        (told("activated", 5), True), (told("activated", 11), False), (told("used", 5), False),
        (told("cancelled", 5), False), (told("pending", 5), True),
    ):  # fmt: skip
        assert rules.is_late(belief, rules.heard(belief, word), word) is late, word
