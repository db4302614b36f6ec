"""Which offer a task is bought from, when it may go elsewhere, and when a supplier is left alone: the pure rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import START
from tests.provision.fulfilment.test_rules import ERRAND, LATER, OURS

from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.kernel.talk import Cure, Declined, Failed, NotFound, Unknown
from heyi.provision.fulfilment import limits, pulse, routing, rules
from heyi.provision.fulfilment.errand import Exchange, Result
from heyi.provision.fulfilment.model import ATTEMPT, TASK
from heyi.provision.fulfilment.routing import Candidate, Routes, choose, hindrance

LIMIT = Money(1600, "CNY")


def at(cost: int = 1500, *, priority: int = 100, weight: int = 1, **known: Any) -> Candidate:
    offer = Offer(new_id(1), "supplier", new_id(2), "1001", Money(cost, "CNY"), priority, weight)
    return replace(Candidate(offer, "one", "active", "closed", 3_000), **known)


def draws(candidates: list[Candidate], policy: str = "priority") -> Counter[UUID]:
    chosen = [choose(candidates, policy, LIMIT, f"task {n}") for n in range(1000)]
    return Counter(one.offer.id for one in chosen if one is not None)


def test_weights_decide_between_equals_and_failures_lower_them() -> None:
    heavy, light = at(weight=3), at(weight=1)
    counted = draws([heavy, light, at(priority=101, weight=1000)])
    assert set(counted) == {heavy.offer.id, light.offer.id}
    assert 680 <= counted[heavy.offer.id] <= 820, "three of four"
    failing = replace(heavy, ended=100, delivered=10)
    assert draws([failing, light])[failing.offer.id] < 350, "it fails nine times of ten: far less than three of four"


def test_each_policy_prefers_by_its_own_measure() -> None:
    cheap = at(1200, priority=200, ended=100, delivered=60, delivered_ms=60 * 60_000)
    sure = at(1500, priority=200, typical_ms=60_000, ended=100, delivered=100, delivered_ms=100 * 30_000)
    fast = at(1550, priority=200, ended=100, delivered=90, delivered_ms=90 * 500)
    first = at(1600, priority=1, ended=100, delivered=50, delivered_ms=50 * 90_000)
    every = [cheap, sure, fast, first]
    wanted = {"price": cheap, "success": sure, "speed": fast, "priority": first}
    for policy, best in wanted.items():
        assert choose(every, policy, LIMIT, "task") is best, policy


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "paused"}, "paused"),
        ({"breaker": "open"}, "breaker_open"),
        ({"stock": 0}, "sold_out"),
        ({"on_sale": False}, "off_sale"),
        ({"balance_minor": 1499}, "no_balance"),
        ({"balance_minor": 1500, "stock": 1, "on_sale": True}, None),
    ],
)
def test_what_speaks_against_an_offer(change: dict[str, Any], why: str | None) -> None:
    assert hindrance(at(**change), LIMIT, "task") == why
    hopeless = why in ("paused", "breaker_open")
    assert (choose([at(**change)], "priority", LIMIT, "task", hoping=True) is None) == hopeless


def test_nothing_is_bought_above_the_limit_or_in_another_currency() -> None:
    assert hindrance(at(1601), LIMIT, "task") == "over_limit"
    assert hindrance(at(1), Money(1600, "USD"), "task") == "over_limit"
    assert choose([at(1601)], "priority", LIMIT, "task", hoping=True) is None


def test_a_half_open_breaker_gets_a_few_tasks_so_that_it_can_close() -> None:
    trying, well = at(priority=1, breaker="half_open"), at(priority=2)
    counted = draws([trying, well])
    assert 50 <= counted[trying.offer.id] <= 160, "one in ten"


@given(
    st.lists(st.tuples(st.integers(1000, 2000), st.integers(0, 3), st.integers(0, 3), st.sampled_from(
        ("closed", "open", "half_open")), st.integers(0, 200), st.integers(0, 200)), max_size=6),
    st.sampled_from(("priority", "price", "success", "speed")), st.text(max_size=8),
)  # fmt: skip
def test_whatever_is_chosen_may_be_bought_and_the_same_task_gets_the_same_answer(
    known: list[tuple[int, int, int, str, int, int]], policy: str, seed: str
) -> None:
    every = [
        at(cost, priority=priority, weight=weight, breaker=breaker, ended=ended, delivered=min(ended, delivered))
        for cost, priority, weight, breaker, ended, delivered in known
    ]
    chosen = choose(every, policy, LIMIT, seed)
    usable = [one for one in every if hindrance(one, LIMIT, seed) is None]
    assert (chosen is None) == (not usable)
    if chosen is not None:
        assert chosen in usable
        assert all(routing.rank(chosen, policy) <= routing.rank(one, policy) for one in usable)
        assert choose(list(reversed(every)), policy, LIMIT, seed) is not None
        assert choose(every, policy, LIMIT, seed) is chosen
        without = choose(every, policy, LIMIT, seed, without={chosen.offer.id})
        assert without is not chosen


def test_only_what_an_offer_did_itself_counts_against_it() -> None:
    said = Exchange("POST", "https://one.example/buy", "{}", 200, "{}", "", 5, START)
    for answer, exchanges, refused in (
        (Declined("sold_out", Cure.OTHER_OFFER), (said,), 1),
        (Declined("account 账号有误", Cure.ASK_BUYER), (said,), 0),
        (Declined("over_limit 报价已高于该权益的成本上限", Cure.OTHER_OFFER), (), 0),
    ):
        result, was = Result(ERRAND, answer, exchanges), replace(OURS["submit"], offer_id=new_id(1))
        beats = pulse.of([(result, was, rules.decide(result, was, LATER))], LATER)
        assert sum(declined for *_, (_, _, _, declined, _, _) in beats) == refused


# Where a task goes after its talk


ELSEWHERE = Routes(fresh=at(), again=at())


def test_a_definite_no_goes_elsewhere_at_once_with_a_new_number() -> None:
    for answer in (
        Declined("sold_out 库存不足 (410)", Cure.OTHER_OFFER),
        Declined("price 价格超出 (412)", Cure.OTHER_OFFER),
        Declined("signature 签名错误 (401)", Cure.PERSON),
        Failed("recharge 充值失败", Cure.OTHER_OFFER),
    ):
        ruling = rules.decide(Result(ERRAND, answer), OURS["submit"], LATER, ELSEWHERE)
        assert (ruling.move, ruling.wait_ms, ruling.route) == ("retry", 0, ELSEWHERE.fresh.offer)  # type: ignore[union-attr]
        assert TASK.step("sending", "retry") == "scheduled"
        assert ATTEMPT.step("sending", ruling.attempt or "") in ("declined", "failed")


def test_unknown_never_goes_elsewhere() -> None:
    for verb in ("submit", "query"):
        for answer in (Unknown("timeout"), Unknown("HTTP 500"), NotFound()):
            ruling = rules.decide(
                Result(replace(ERRAND, verb=verb, accepted=True), answer), OURS[verb], LATER, ELSEWHERE
            )
            assert (ruling.move, ruling.route) == ("ask", None)
    early = rules.decide(
        Result(replace(ERRAND, verb="query"), NotFound()), OURS["query"], START, replace(ELSEWHERE, unwell=True)
    )
    assert (early.move, early.route) == ("ask", None), "the grace is not over"


def test_what_never_arrived_goes_elsewhere_only_when_its_supplier_is_unwell() -> None:
    query = Result(replace(ERRAND, verb="query"), NotFound())
    assert rules.decide(query, OURS["query"], LATER, ELSEWHERE).move == "resend"
    moved = rules.decide(query, OURS["query"], LATER, replace(ELSEWHERE, unwell=True))
    assert (moved.move, moved.attempt, moved.route) == ("retry", "decline", ELSEWHERE.fresh.offer)  # type: ignore[union-attr]


def test_a_number_that_is_refused_when_sent_again_may_be_known_after_all() -> None:
    """The words say nothing of price, stock or account: it is asked about, never bought elsewhere at once."""
    again = replace(ERRAND, submits=2)
    ruling = rules.decide(Result(again, Declined("refused 请求有误", Cure.PERSON)), OURS["submit"], LATER, ELSEWHERE)
    assert (ruling.move, ruling.attempt, ruling.route) == ("ask", "lose", None)
    plain = rules.decide(Result(again, Declined("sold_out", Cure.OTHER_OFFER)), OURS["submit"], LATER, ELSEWHERE)
    assert plain.move == "retry"
    assert plain.recheck_ms is not None, "what was sent first may turn up after all"


def test_a_wrong_account_is_wrong_everywhere() -> None:
    ruling = rules.decide(
        Result(ERRAND, Declined("account 账号有误", Cure.ASK_BUYER)), OURS["submit"], LATER, ELSEWHERE
    )
    assert (ruling.move, ruling.route) == ("want_buyer", None)


def test_a_failed_number_is_looked_at_again_wherever_its_task_went() -> None:
    failed = rules.decide(Result(ERRAND, Failed("recharge", Cure.OTHER_OFFER)), OURS["submit"], LATER, ELSEWHERE)
    assert failed.recheck_ms is not None
    again = replace(OURS["query"], lease=None, attempt_state="failed")
    still = rules.decide(Result(replace(ERRAND, verb="recheck"), Failed("recharge", Cure.OTHER_OFFER)), again, LATER)
    assert (still.move, still.recheck_ms is not None) == (None, True)
    last = replace(ERRAND, verb="recheck", rechecks=rules.RECHECKS_MAX)
    assert rules.decide(Result(last, Failed("recharge", Cure.OTHER_OFFER)), again, LATER).recheck_ms is None


def test_the_late_end_of_an_overtaken_talk_keeps_its_number_in_sight() -> None:
    """The task was delivered by another number meanwhile; this one timed out and may have been bought."""
    for standing in (
        replace(OURS["submit"], state="delivered", lease=None, attempts=2),
        replace(OURS["submit"], state="sending", lease=None, attempts=2),
    ):
        ruling = rules.decide(Result(ERRAND, Unknown("timeout")), standing, LATER)
        assert (ruling.move, ruling.recheck_ms is not None) == (None, True)
    asked_anyway = replace(OURS["query"], lease=None)
    assert rules.decide(Result(ERRAND, Unknown("timeout")), asked_anyway, LATER).recheck_ms is None


def test_when_all_have_refused_for_a_while_the_best_is_tried_later() -> None:
    sold_out = Result(ERRAND, Declined("sold_out", Cure.OTHER_OFFER))
    later = rules.decide(sold_out, OURS["submit"], LATER, Routes(again=ELSEWHERE.again))
    assert (later.move, later.route) == ("retry", ELSEWHERE.again.offer)  # type: ignore[union-attr]
    assert (later.wait_ms or 0) >= 9_000
    gone = Result(ERRAND, Declined("no_product", Cure.OTHER_OFFER))
    assert rules.decide(gone, OURS["submit"], LATER, Routes(again=ELSEWHERE.again)).move == "want_person"


# Rates and breakers


def account(**change: Any) -> Any:
    base = {
        "state": "active", "breaker": "closed", "breaker_since": START, "breaker_until": None, "breaker_times": 0,
        "rate_per_s": None, "query_rate_per_s": None, "tokens": 0.0, "query_tokens": 0.0, "tokens_at": None,
        "calls": 0, "broken": 0,
    }  # fmt: skip
    return SimpleNamespace(**base | change)


def test_a_rate_is_kept_over_any_time() -> None:
    """Claims every 50 ms for ten seconds take ten seconds' worth of calls, and one second's at the start."""
    row, taken, wall = account(rate_per_s=5.0), 0, START
    for _ in range(200):
        found = limits.room(row, 100, 0, wall)
        row.tokens, row.query_tokens = found.left(found.calls, 0)
        row.tokens_at, taken, wall = wall, taken + found.calls, wall + timedelta(milliseconds=50)
    assert 50 <= taken <= 55


def test_a_query_rate_leaves_purchases_alone() -> None:
    found = limits.room(account(query_rate_per_s=1.0, query_tokens=0.2, tokens_at=START), 20, 0, START)
    assert (found.calls, found.queries, found.submits) == (20, 0, 20)


def test_an_open_breaker_stops_purchases_never_queries() -> None:
    found = limits.room(account(breaker="open"), 20, 0, START)
    assert (found.queries, found.submits) == (20, 0)
    half = limits.room(account(breaker="half_open"), 20, 0, START)
    assert (half.queries, half.submits) == (20, 1)
    assert limits.room(account(breaker="half_open"), 20, 1, START).submits == 0
    assert limits.room(account(state="paused"), 20, 0, START).submits == 0


def test_a_breakers_life() -> None:
    assert limits.turn(account(calls=9, broken=9), START) is None, "too few to say"
    assert limits.turn(account(calls=20, broken=9), START) is None
    opened = limits.turn(account(calls=20, broken=10), START)
    assert opened is not None
    assert (opened.state, opened.until) == ("open", START + timedelta(seconds=limits.OPEN_S_MIN))
    still = account(breaker="open", breaker_until=opened.until, breaker_times=1)
    assert limits.turn(still, START) is None
    half = limits.turn(still, START + timedelta(seconds=limits.OPEN_S_MIN))
    assert half is not None
    assert half.state == "half_open"
    again = limits.turn(account(breaker="half_open", breaker_times=1, calls=5, broken=1), START)
    assert again is not None
    assert again.until == START + timedelta(seconds=2 * limits.OPEN_S_MIN), "longer each time"
    closed = limits.turn(account(breaker="half_open", breaker_times=3, calls=3), START)
    assert closed is not None
    assert (closed.state, closed.times) == ("closed", 0)
    by_hand = account(breaker="open", breaker_until=None)
    assert limits.turn(by_hand, START + timedelta(days=9)) is None, "a person opened it, a person closes it"
