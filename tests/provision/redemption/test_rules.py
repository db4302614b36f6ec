"""The rules of redemption, without a database: codes, what a till's word does, what units are worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provision.entitlement.making import NOW, cny

from heyi.kernel.errors import Refused
from heyi.provision.redemption import rules
from heyi.provision.redemption.model import LATE_S_MAX, MACHINE, PREPARED_S, VERBS, Asked, Redemption, Taken

SECRET = b"12345678901234567890"  # the secret of RFC 6238's vectors
RIGHT = UUID("01a3185c-5000-7000-8000-000000000007")  # the same in every process, for it names tests

# -- the machine -------------------------------------------------------------------------------------------------------


def test_every_state_is_reachable() -> None:
    assert MACHINE.reachable() == MACHINE.states()


def test_every_move_is_a_tills_word_or_the_clocks() -> None:
    assert {move for _, move in MACHINE.moves} == {*VERBS, "expire"}


# -- the code ----------------------------------------------------------------------------------------------------------

VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.parametrize(("seconds", "expected"), VECTORS)
def test_digits_match_rfc_6238(seconds: int, expected: str) -> None:
    assert rules.digits(SECRET, rules.step_at(datetime.fromtimestamp(seconds, UTC))) == expected


def test_a_shown_code_is_read_back_and_says_until_when() -> None:
    shown = rules.shown(RIGHT, SECRET, NOW + timedelta(seconds=7))
    code, number = rules.parse(f" {shown.text}\n")
    assert (code.entitlement_id, code.step) == (RIGHT, rules.step_at(NOW))
    assert shown.text.startswith("B1:ent_")
    assert shown.expires_at == NOW + timedelta(seconds=30)
    rules.check(code, number, SECRET, NOW)


@pytest.mark.parametrize(("late_s", "code"), [(-31, "redemption.code_stale"), (-30, None), (-1, None), (0, None),
                                              (59, None), (60, "redemption.code_stale"),
                                              (3600, "redemption.code_stale")])  # fmt: skip
def test_a_code_lives_one_step_more(late_s: int, code: str | None) -> None:
    scanned = rules.parse(rules.shown(RIGHT, SECRET, NOW).text)
    assert _refusal(lambda: rules.check(*scanned, SECRET, NOW + timedelta(seconds=late_s))) == code


def test_digits_of_another_right_are_wrong() -> None:
    code, number = rules.parse(rules.shown(RIGHT, SECRET, NOW).text)
    other = replace(code, step=code.step + 1)
    assert _refusal(lambda: rules.check(code, number, b"another secret", NOW)) == "redemption.code_wrong"
    assert _refusal(lambda: rules.check(other, number, SECRET, NOW)) == "redemption.code_wrong"


GOOD = rules.shown(RIGHT, SECRET, NOW).text
MALFORMED = [
    "", "B1", "B1:::", GOOD[:-1], GOOD + "0", GOOD.replace("B1", "B2"), GOOD.replace("ent_", "ord_"),
    GOOD.replace(str(rules.step_at(NOW)), "-1"), GOOD.replace(str(rules.step_at(NOW)), "1" * 13),
    GOOD.replace(str(rules.step_at(NOW)), "٣"), GOOD[:-1] + "٣", GOOD[:-1] + "²", "B1:ent_" + "z" * 26 + ":1:12345678",
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_code(text: str) -> None:
    assert _refusal(lambda: rules.parse(text)) == "redemption.code_malformed"
    assert rules.claimed_right(text) is None


@given(st.text())
def test_no_text_crashes_the_reader(text: str) -> None:
    assert _refusal(lambda: rules.parse(text)) in (None, "redemption.code_malformed")


def test_another_question_has_another_fingerprint() -> None:
    asked = Asked(uuid4(), GOOD, 1, "till-1", "R1")
    others = [replace(asked, code=GOOD + "x"), replace(asked, units=2), replace(asked, till="till-2")]
    assert rules.fingerprint(replace(asked, code=f" {GOOD} ")) == rules.fingerprint(asked)
    assert len({rules.fingerprint(one) for one in [asked, *others]}) == 4


# -- a till's word -----------------------------------------------------------------------------------------------------

# state, seconds after preparing, word -> what it does to the units (nothing: it was said before), or the refusal
WORDS = f"""
    prepared  0                          confirm  -> use
    prepared  {PREPARED_S - 1}           confirm  -> use
    prepared  {PREPARED_S}               confirm  -> retake
    expired   {PREPARED_S}               confirm  -> take
    expired   {PREPARED_S + LATE_S_MAX}  confirm  -> redemption.expired
    prepared  {PREPARED_S + LATE_S_MAX}  confirm  -> redemption.expired
    redeemed  5                          confirm  -> nothing
    redeemed  999999                     confirm  -> nothing
    released  5                          confirm  -> redemption.not_prepared
    reversed  5                          confirm  -> redemption.not_prepared
    prepared  5                          release  -> release
    prepared  999                        release  -> release
    released  5                          release  -> nothing
    expired   999                        release  -> nothing
    redeemed  5                          release  -> redemption.not_prepared
    reversed  5                          release  -> redemption.not_prepared
    redeemed  5                          reverse  -> give_back
    reversed  5                          reverse  -> nothing
    prepared  5                          reverse  -> redemption.not_redeemed
    released  5                          reverse  -> redemption.not_redeemed
    expired   999                        reverse  -> redemption.not_redeemed
"""


@pytest.mark.parametrize("line", WORDS.strip().splitlines())
def test_a_tills_word(line: str) -> None:
    state, seconds, word, _, expected = line.split()
    was = _redemption(state)
    try:
        found = rules.unit_move(word, was, NOW + timedelta(seconds=int(seconds))) or "nothing"
    except Refused as refused:
        found = refused.code
    assert found == expected


def test_every_state_knows_every_word() -> None:
    told = {(line.split()[0], line.split()[2]) for line in WORDS.strip().splitlines()}
    assert told == {(state, word) for state in MACHINE.states() for word in VERBS}


# -- what units are worth ----------------------------------------------------------------------------------------------


@given(
    share=st.integers(0, 10_000), cost=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8)
)
def test_all_units_together_are_exact_to_the_fen(share: int, cost: int, sizes: list[int]) -> None:
    total, taken = sum(sizes), Taken()
    for units in sizes:
        earned, costs = rules.amounts(cny(share), cny(cost), taken, units=units, units_total=total)
        assert earned.amount_minor >= 0
        assert abs(earned.amount_minor * total - share * units) <= total * len(sizes)
        taken = Taken(
            taken.units + units, taken.share_minor + earned.amount_minor, taken.cost_minor + costs.amount_minor
        )
    assert (taken.share_minor, taken.cost_minor) == (share, cost)


def test_three_units_of_one_yuan() -> None:
    worth, taken = [], 0
    for left in (3, 2, 1):
        worth.append(rules.worth(cny(100), taken, units=1, units_left=left).amount_minor)
        taken += worth[-1]
    assert worth == [33, 34, 33]


def _redemption(state: str) -> Redemption:
    return Redemption(
        RIGHT, RIGHT, uuid4(), uuid4(), uuid4(), uuid4(), "u-1", "some", "某权益", "till", "R1", 1, state, NOW,
        NOW + timedelta(seconds=PREPARED_S), None, None, cny(0), cny(0),
    )  # type: ignore[arg-type]  # fmt: skip


def _refusal(act) -> str | None:  # type: ignore[no-untyped-def]
    try:
        act()
    except Refused as refused:
        return refused.code
    return None
