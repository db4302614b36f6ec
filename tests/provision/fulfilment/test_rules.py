"""Every ending × every standing; gaps; graces; and the tables of states walked from end to end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from tests.conftest import START

from heyi.kernel.ids import from_text, new_id
from heyi.kernel.machine import Machine
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.kernel.talk import Accepted, Answer, Cure, Declined, Delivered, Failed, NotFound, Unknown
from heyi.provision.fulfilment import rules
from heyi.provision.fulfilment.errand import Account, Errand, Result, Standing
from heyi.provision.fulfilment.model import ATTEMPT, ENDED, TASK, Request, outer_number
from heyi.provision.fulfilment.routing import Candidate, Routes
from heyi.provision.fulfilment.suppliers import DIALECTS

ITEM, LEASE, OTHER = new_id(1, 7), new_id(2), new_id(3)
ACCOUNT = Account(new_id(4), "kasushou", "kasushou", "http://x", {}, "", 10_000, 3_000, 60_000, DIALECTS["kasushou"])
ERRAND = Errand(
    "submit", ACCOUNT, 7, new_id(5, 7), ITEM, new_id(6, 7), None, new_id(7), "top_up", Request(title="视频会员"),
    new_id(8, 7), 1, outer_number(ITEM, 1), LEASE, START, START,
)  # fmt: skip
OURS = {
    "submit": Standing("sending", LEASE, 1, False, "sending"),
    "query": Standing("asking", LEASE, 1, False, "unknown"),
}
ANSWERS: dict[str, Answer] = {
    "delivered": Delivered("S1"),
    "accepted": Accepted("S1"),
    "unknown": Unknown("timeout"),
    "not_found": NotFound(),
    "sold_out": Declined("sold_out 库存不足 (410)", Cure.OTHER_OFFER),
    "price": Declined("price 价格超出 (412)", Cure.OTHER_OFFER),
    "account": Declined("account 账号有误 (422)", Cure.ASK_BUYER),
    "signature": Declined("signature 签名错误 (401)", Cure.PERSON),
    "failed": Failed("recharge 充值失败", Cure.OTHER_OFFER),
    "failed_account": Failed("account 账号有误", Cure.ASK_BUYER),
}
# verb    answer         -> task's move   attempt's   item's
TABLE = """
  submit  delivered      -> deliver       deliver     deliver
  submit  accepted       -> ask           accept      -
  submit  unknown        -> ask           lose        -
  submit  sold_out       -> retry         decline     -
  submit  price          -> want_person   decline     start
  submit  account        -> want_buyer    decline     want_buyer
  submit  signature      -> want_person   decline     start
  submit  failed         -> want_person   fail        start
  submit  failed_account -> want_buyer    fail        want_buyer
  query   delivered      -> deliver       deliver     deliver
  query   accepted       -> ask           accept      -
  query   unknown        -> ask           lose        -
  query   not_found      -> resend        lose        -
  query   failed         -> want_person   fail        start
  query   failed_account -> want_buyer    fail        want_buyer
"""
ROWS = [tuple(line.replace("->", "").split()) for line in TABLE.strip().splitlines()]
LATER = START + timedelta(hours=1)


@pytest.mark.parametrize(("verb", "answer", "move", "attempt", "item"), ROWS)
def test_every_ending_of_a_talk_that_is_ours(verb: str, answer: str, move: str, attempt: str, item: str) -> None:
    ruling = rules.decide(Result(replace(ERRAND, verb=verb), ANSWERS[answer]), OURS[verb], LATER)
    assert (ruling.move, ruling.attempt, ruling.item or "-") == (move, attempt, item)
    assert TASK.step(OURS[verb].state, move)
    assert ATTEMPT.step(OURS[verb].attempt_state, attempt)
    assert (ruling.wait_ms is not None) == (move in ("ask", "retry", "resend"))


def test_a_result_that_is_not_ours_moves_nothing_but_a_delivery() -> None:
    for state, attempt, verb, answer in product(
        TASK.states(), ATTEMPT.states(), ("submit", "query", "recheck"), ANSWERS
    ):
        _not_ours(state, attempt, verb, answer)


def _not_ours(state: str, attempt: str, verb: str, answer: str) -> None:
    standing = Standing(state, OTHER, 2, False, attempt)
    ruling = rules.decide(Result(replace(ERRAND, verb=verb), ANSWERS[answer]), standing, LATER)
    if answer != "delivered":
        assert (ruling.move, ruling.item, ruling.difference) == (None, None, False)
        known = ("decline", "fail") if verb == "recheck" and standing.attempts != ERRAND.number else ()
        assert ruling.attempt in (None, "accept", *known)
    elif attempt == "delivered":
        assert ruling == rules.Ruling()
    else:
        assert ruling.difference == (state in ENDED)
        assert ruling.move == (None if state in ENDED else "deliver")
        assert state in ENDED or TASK.step(state, "deliver") == "delivered"
    if ruling.attempt:
        assert ATTEMPT.step(attempt, ruling.attempt)


@pytest.mark.parametrize(
    ("attempt", "answer", "after"),
    [
        ("unknown", "not_found", "declined"), ("unknown", "failed", "failed"), ("unknown", "sold_out", "declined"),
        ("accepted", "not_found", None), ("accepted", "failed", "failed"), ("unknown", "unknown", None),
        ("declined", "not_found", None),
    ],
)  # fmt: skip
def test_a_number_that_was_left_behind_comes_to_its_own_end(attempt: str, answer: str, after: str | None) -> None:
    """Its item was delivered by another number: else it would be unknown for a week, and its money in flight."""
    left = replace(OURS["query"], state="delivered", lease=None, attempts=ERRAND.number + 1, attempt_state=attempt)
    look = Result(replace(ERRAND, verb="recheck"), ANSWERS[answer])
    ruling = rules.decide(look, left, LATER)
    assert (ruling.attempt and ATTEMPT.step(attempt, ruling.attempt)) == after
    assert (ruling.move, ruling.item, ruling.difference) == (None, None, False)
    assert ruling.recheck_ms is not None, "should it turn up after all"
    assert rules.decide(look, left, START).attempt != "decline" or answer != "not_found", "its grace is not over"


def test_not_found_is_no_only_after_lease_time_out_and_grace() -> None:
    query = Result(replace(ERRAND, verb="query", queries=3), NotFound())
    last = START + timedelta(seconds=10 + 60)
    before = rules.decide(query, OURS["query"], last - timedelta(milliseconds=1))
    assert (before.move, before.attempt) == ("ask", "lose")
    assert before.wait_ms is not None
    assert before.wait_ms <= 600, "asks again as soon as it may count"
    assert rules.decide(query, OURS["query"], last).move == "resend"


def test_an_accepted_number_is_never_sent_again() -> None:
    query = Result(replace(ERRAND, verb="query", accepted=True), NotFound())
    assert rules.decide(query, OURS["query"], LATER).move == "ask"


@pytest.mark.parametrize(
    ("change", "answer", "problem"),
    [
        ({"queries": rules.QUERIES_MAX}, "accepted", "accepted"),
        ({"queries": rules.QUERIES_MAX}, "unknown", "unknown timeout"),
        ({"submits": rules.SUBMITS_MAX}, "not_found", "never_arrived"),
        ({"number": rules.ATTEMPTS_MAX, "verb": "submit"}, "sold_out", "sold_out 库存不足 (410)"),
    ],
)
def test_limits_end_with_a_person(change: dict[str, object], answer: str, problem: str) -> None:
    errand = replace(ERRAND, **{"verb": "query", **change})  # type: ignore[arg-type]
    ruling = rules.decide(Result(errand, ANSWERS[answer]), OURS[errand.verb], LATER)
    assert (ruling.move, ruling.item, ruling.problem) == ("want_person", "start", problem)


def test_a_callback_while_talking_asks_at_once() -> None:
    heard = replace(OURS["submit"], heard=True)
    assert rules.decide(Result(ERRAND, Accepted()), heard, START).wait_ms == 0


def test_gaps_grow_with_jitter_from_the_number() -> None:
    gaps = [rules.query_gap_ms(replace(ERRAND, queries=n)) for n in range(12)]
    for n, gap in enumerate(gaps):
        whole = min(15 * 60_000, 3_000 << n)
        assert whole * 9 // 10 <= gap <= whole * 11 // 10
    assert gaps == [rules.query_gap_ms(replace(ERRAND, queries=n)) for n in range(12)], "no chance in a rule"
    others = {rules.query_gap_ms(replace(ERRAND, outer_number=f"x-{n}")) for n in range(50)}
    assert len(others) > 25


def test_outer_numbers_name_their_item() -> None:
    number = outer_number(ITEM, 12)
    assert len(outer_number(ITEM, 32_767)) <= 50
    assert from_text("itm", f"itm_{number.rpartition('-')[0]}") == ITEM


@pytest.mark.parametrize("machine", [TASK, ATTEMPT])
def test_every_state_can_be_reached(machine: Machine[str]) -> None:
    firsts = (machine.first, "waiting_for_event") if machine is TASK else (machine.first,)
    assert set().union(*[Machine(first, machine.moves).reachable() for first in firsts]) == machine.states()
    if machine is TASK:
        assert not [move for (state, move) in machine.moves if state in ENDED], "what has ended stays ended"


def test_a_dialect_says_how_soon_it_may_be_asked() -> None:
    """Some suppliers block addresses that ask at once, or too often."""
    patient = replace(DIALECTS["kasushou"], first_query_ms=90_000, query_gap_ms=20_000)
    errand = replace(ERRAND, account=replace(ACCOUNT, connector=patient))
    assert rules.query_gap_ms(errand) >= 81_000
    asked = rules.query_gap_ms(replace(errand, verb="query", queries=0))
    assert 18_000 <= asked < 30_000


def test_what_another_talk_heard_meanwhile_counts() -> None:
    """Accepted by what a slower query said: nothing that this talk found out sends, moves or gives up the number."""
    offer = Offer(new_id(9), "supplier", new_id(10), "1", Money(1, "CNY"))
    better = Routes(fresh=Candidate(offer, "b", "active", "closed"))
    for verb, answer in product(("submit", "query"), ("not_found", "sold_out", "account", "signature")):
        standing = replace(OURS[verb], attempt_state="accepted")
        errand = replace(ERRAND, verb=verb, submits=rules.SUBMITS_MAX)
        ruling = rules.decide(Result(errand, ANSWERS[answer]), standing, LATER, replace(better, unwell=True))
        if verb == "submit" or answer == "not_found":
            assert (ruling.move, ruling.attempt) == ("ask", "lose")
        else:
            assert ruling.attempt == "fail", "a question that they answer by a refusal is the end of what they accepted"
            assert ruling.recheck_ms is not None


def test_numbers_that_are_over_are_looked_at_for_half_a_day_and_open_ones_for_a_week() -> None:
    def looks(attempt: str, answer: Answer) -> timedelta:
        total, errand = 0, replace(ERRAND, verb="recheck", account=replace(ACCOUNT, typical_ms=0))
        while (ruling := rules.decide(Result(errand, answer), Standing("delivered", None, 2, False, attempt), LATER)
               ).recheck_ms is not None:  # fmt: skip
            total += ruling.recheck_ms
            errand = replace(errand, rechecks=errand.rechecks + 1)
        return timedelta(milliseconds=total)

    assert timedelta(hours=8) < looks("failed", NotFound()) < timedelta(days=1)
    assert timedelta(days=5) < looks("unknown", Unknown("timeout")) < timedelta(days=9)
