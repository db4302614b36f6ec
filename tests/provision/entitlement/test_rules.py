"""The rules of rights, without a database: tables of what follows from what."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provision.entitlement.making import DAY, NOW, PHONE, QQ, Validity, a_right, part

from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.parts import window
from heyi.provision.entitlement import rules, unit_moves
from heyi.provision.entitlement.errors import Ended, Exhausted
from heyi.provision.entitlement.model import MACHINE, Arrival, Right

# -- the machine -------------------------------------------------------------------------------------------------------


def test_every_state_is_reachable() -> None:
    assert MACHINE.reachable() == MACHINE.states()


def test_an_ended_right_only_reopens() -> None:
    assert {move for state, move in MACHINE.moves if state == "ended"} == {"reopen"}


def test_every_move_has_a_rule_or_is_news() -> None:
    news = {"begin", "hand_over", "deliver", "fail", "cancel", "want_buyer"}
    assert {move for _, move in MACHINE.moves} == news | {"activate", "expire", "use_up", "reopen"}


# -- first states ------------------------------------------------------------------------------------------------------

FIRST = """
    card_key  delivered          -> pending_activation
    link      delivered          -> pending_activation
    voucher   delivered          -> active
    top_up    delivered          -> active
    card_key  waiting_for_stock  -> pending_delivery
    top_up    waiting_for_buyer  -> pending_delivery
    top_up    delivering         -> pending_delivery
    physical  delivering         -> pending_delivery
    voucher   scheduled          -> scheduled
    voucher   failed             -> failed
"""


@pytest.mark.parametrize("line", FIRST.strip().splitlines())
def test_first_state(line: str) -> None:
    kind, item_state, _, state = line.split()
    assert rules.first_state(part(kind), item_state) == state


@pytest.mark.parametrize(
    ("kind", "state"), [("voucher", "pending_activation"), ("service", "pending_activation"), ("top_up", "active")]
)
def test_days_from_activation_wait_for_the_buyer(kind: str, state: str) -> None:
    asked = part(kind, validity=Validity(days=30, start="activation"))
    assert rules.first_state(asked, "delivered") == state


# -- windows -----------------------------------------------------------------------------------------------------------

PAID, DELIVERED, ACTIVATED = NOW, NOW + 2 * DAY, NOW + 5 * DAY
WINDOWS = [
    (None, None, DELIVERED, None),
    (Validity(days=30, start="payment"), None, PAID, PAID + 30 * DAY),
    (Validity(days=30), None, DELIVERED, DELIVERED + 30 * DAY),
    (Validity(days=30, start="activation"), None, ACTIVATED, ACTIVATED + 30 * DAY),
    (Validity(until=NOW + 90 * DAY), None, DELIVERED, NOW + 90 * DAY),
    (Validity(days=30), NOW + 10 * DAY, DELIVERED, NOW + 10 * DAY),
    (None, NOW + 10 * DAY, DELIVERED, NOW + 10 * DAY),
    (Validity(days=3), NOW + 10 * DAY, DELIVERED, DELIVERED + 3 * DAY),
]


@pytest.mark.parametrize(("validity", "key_expires_at", "start", "end"), WINDOWS)
def test_window(
    validity: Validity | None, key_expires_at: datetime | None, start: datetime | None, end: datetime | None
) -> None:
    found = window(
        validity, paid_at=PAID, delivered_at=DELIVERED, activated_at=ACTIVATED, key_expires_at=key_expires_at
    )
    assert found == (start, end)


def test_days_from_activation_are_open_until_then() -> None:
    terms = Validity(days=30, start="activation")
    assert window(terms, paid_at=NOW, delivered_at=NOW, activated_at=None, key_expires_at=NOW + DAY) == (
        None,
        NOW + DAY,
    )


# -- what comes next ---------------------------------------------------------------------------------------------------

NEXT = [
    (a_right("pending_delivery", "top_up", fields=(PHONE,)), "activate", (PHONE,)),
    (a_right("pending_delivery", "top_up", fields=(PHONE, QQ), given={"qq": "****"}), "activate", (PHONE,)),
    (a_right("pending_delivery", "top_up", fields=(PHONE,), given={"phone": "****"}), "none", ()),
    (a_right("pending_delivery", "top_up", fields=(PHONE,), given={"phone": "****"}, sent=True), "none", ()),
    (a_right("pending_delivery", "card_key"), "none", ()),
    (a_right("pending_delivery", "service", on_request=True), "activate", ()),
    (a_right("pending_activation", "card_key"), "reveal", ()),
    (a_right("pending_activation", "link"), "reveal", ()),
    (a_right("pending_activation", "voucher"), "activate", ()),
    (a_right("active", "voucher"), "show_code", ()),
    (a_right("active", "top_up"), "none", ()),
    (a_right("scheduled", "voucher"), "none", ()),
    (a_right("scheduled", "top_up", fields=(PHONE,)), "activate", (PHONE,)),
    (a_right("scheduled", "top_up", fields=(PHONE,), sent=True), "none", ()),
    (a_right("ended", "voucher", ended_why="expired"), "none", ()),
    (a_right("failed", "top_up", fields=(PHONE,)), "none", ()),
    (a_right("active", "voucher", holds=("pause",)), "none", ()),
]


@pytest.mark.parametrize(("right", "step", "fields"), NEXT)
def test_next_step(right: Right, step: str, fields: tuple[object, ...]) -> None:
    assert (right.next_step.step, right.next_step.fields) == (step, fields)


# -- activation --------------------------------------------------------------------------------------------------------

WAITING = a_right("pending_delivery", "top_up", fields=(PHONE, QQ))
GOOD = {"phone": "13800138000", "qq": "10001"}


def test_activation_keeps_accounts_masked_and_is_sent_once() -> None:
    after = rules.activated(WAITING, GOOD, "mark", NOW)
    assert after.properties.sent
    assert after.properties.given == {"phone": "****00", "qq": "****1"}
    assert rules.activated(after, GOOD, "mark", NOW) is after
    with pytest.raises(Refused, match=r"entitlement\.already_activating"):
        rules.activated(after, GOOD, "another mark", NOW)


def test_accounts_may_be_given_before_the_day() -> None:
    early = rules.activated(replace(WAITING, state="scheduled"), GOOD, "mark", NOW)
    assert (early.state, early.next_step.step) == ("scheduled", "none")
    begun = rules.arrived(early, Arrival(early.lane, early.id, begun=True), NOW)
    assert begun is not None
    assert begun.next_step.step == "none"


FAULTS = [
    ({"phone": "13800138000"}, [("/accounts/qq", "entitlement.account_missing")]),
    ({**GOOD, "phone": "12"}, [("/accounts/phone", "entitlement.account_malformed")]),
    ({**GOOD, "a/b~": "1"}, [("/accounts/a~1b~0", "entitlement.account_unknown")]),
    ({"phone": "13800138000\n"}, [("/accounts/phone", "entitlement.account_malformed"),
                                   ("/accounts/qq", "entitlement.account_missing")]),
]  # fmt: skip


@pytest.mark.parametrize(("accounts", "faults"), FAULTS)
def test_accounts_are_checked_one_by_one(accounts: dict[str, str], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(Refused) as caught:
        rules.activated(WAITING, accounts, "mark", NOW)
    several = caught.value.faults if isinstance(caught.value, ManyRefused) else [caught.value]
    assert [(one.pointer, one.code) for one in several] == faults


NOT_ACTIVATED = [
    (a_right("pending_delivery", "card_key"), "entitlement.nothing_to_activate"),
    (a_right("pending_activation", "card_key"), "entitlement.nothing_to_activate"),
    (a_right("active", "voucher"), "entitlement.nothing_to_activate"),
    (a_right("scheduled", "top_up", fields=(PHONE,), given={"phone": "****"}), "entitlement.not_delivered"),
    (a_right("failed", "top_up", fields=(PHONE,)), "entitlement.failed"),
    (a_right("ended", "voucher", ended_why="expired"), "entitlement.ended"),
    (a_right("pending_activation", "voucher", valid_to=NOW), "entitlement.ended"),
    (replace(WAITING, holds=("risk",)), "entitlement.held"),
]


@pytest.mark.parametrize(("right", "code"), NOT_ACTIVATED)
def test_what_cannot_be_activated(right: Right, code: str) -> None:
    with pytest.raises(Refused) as caught:
        rules.activated(right, {}, "mark", NOW)
    assert caught.value.code == code


def test_a_delivered_right_begins_with_the_buyers_word() -> None:
    waiting = a_right("pending_activation", "voucher", validity=Validity(30, "activation"), delivered_at=NOW)
    after = rules.activated(waiting, {}, "mark", NOW + DAY)
    assert (after.state, after.valid_from, after.valid_to) == ("active", NOW + DAY, NOW + 31 * DAY)


# -- reveal ------------------------------------------------------------------------------------------------------------


def test_the_first_reveal_activates_and_the_second_changes_nothing() -> None:
    fresh = a_right("pending_activation", "card_key", validity=Validity(7, "activation"), key_expires_at=NOW + 3 * DAY)
    after = rules.revealed(fresh, NOW)
    assert (after.state, after.activated_at, after.valid_to) == ("active", NOW, NOW + 3 * DAY)
    assert rules.revealed(after, NOW + DAY) is after


NOT_REVEALED = [
    (a_right("active", "voucher"), "entitlement.nothing_to_reveal"),
    (a_right("pending_delivery", "card_key"), "entitlement.not_delivered"),
    (a_right("scheduled", "card_key"), "entitlement.not_delivered"),
    (a_right("active", "card_key", holds=("refund",)), "entitlement.held"),
    (a_right("ended", "link", ended_why="cancelled"), "entitlement.ended"),
    (a_right("active", "card_key", valid_to=NOW), "entitlement.ended"),
    (a_right("failed", "card_key"), "entitlement.failed"),
]


@pytest.mark.parametrize(("right", "code"), NOT_REVEALED)
def test_what_is_not_revealed(right: Right, code: str) -> None:
    with pytest.raises(Refused) as caught:
        rules.revealed(right, NOW)
    assert caught.value.code == code


# -- news of deliveries ------------------------------------------------------------------------------------------------

NEWS = """
    top_up    pending_delivery    delivered    -> active
    card_key  pending_delivery    delivered    -> pending_activation
    voucher   scheduled           delivered    -> active
    card_key  scheduled           delivered    -> pending_activation
    top_up    scheduled           begun        -> pending_delivery
    top_up    scheduled           wants_buyer  -> pending_delivery
    top_up    pending_delivery    failed       -> failed
    top_up    pending_delivery    cancelled    -> ended
    voucher   active              cancelled    -> ended
    top_up    failed              delivered    -> active
    top_up    failed              begun        -> pending_delivery
    top_up    active              delivered    -> nothing
    top_up    active              failed       -> nothing
    top_up    pending_delivery    begun        -> nothing
    top_up    ended               delivered    -> nothing
    top_up    ended               wants_buyer  -> nothing
"""


@pytest.mark.parametrize("line", NEWS.strip().splitlines())
def test_news(line: str) -> None:
    kind, state, news, _, expected = line.split()
    right = a_right(state, kind, ended_why="cancelled" if state == "ended" else None)
    flags = {} if news == "delivered" else {news: True}
    after = rules.arrived(right, Arrival(right.lane, right.id, **flags), NOW)
    assert (after.state if after else "nothing") == expected


def test_wrong_accounts_are_asked_for_again() -> None:
    sent = rules.activated(WAITING, GOOD, "mark", NOW)
    again = rules.arrived(sent, Arrival(sent.lane, sent.id, wants_buyer=True), NOW)
    assert again is not None
    assert again.next_step.fields == (PHONE, QQ)
    assert rules.activated(again, {**GOOD, "qq": "10002"}, "another mark", NOW).properties.sent


@pytest.mark.parametrize("key_days", [None, 100])
def test_what_a_pause_gave_back_stays_when_the_right_arrives(key_days: int | None) -> None:
    """Paid for 90 days and paused for 30 before it came: it ends on day 120, or when its key ends."""
    key = None if key_days is None else NOW + key_days * DAY
    waiting = a_right("pending_delivery", "card_key", validity=Validity(90, "payment"))
    paused = replace(waiting, valid_from=NOW, valid_to=NOW + 120 * DAY)
    after = rules.arrived(paused, Arrival(waiting.lane, waiting.id, key_expires_at=key), NOW + 40 * DAY)
    assert after is not None
    assert after.valid_to == NOW + (key_days or 120) * DAY
    begun = rules.begin(replace(paused, state="pending_activation"), NOW + 50 * DAY)
    assert begun.valid_to == NOW + 120 * DAY


def test_a_late_key_caps_the_window() -> None:
    waiting = a_right("pending_delivery", "card_key", validity=Validity(30))
    after = rules.arrived(waiting, Arrival(waiting.lane, waiting.id, key_expires_at=NOW + DAY), NOW)
    assert after is not None
    assert after.valid_to == NOW + DAY


# -- units -------------------------------------------------------------------------------------------------------------


def test_the_last_unit_ends_the_right_and_a_reversal_reopens_it() -> None:
    right = unit_moves.use(unit_moves.reserve(a_right(units=2), 2, NOW), 2, NOW)
    assert (right.state, right.ended_why, right.ended_at) == ("ended", "used_up", NOW)
    again = unit_moves.give_back(right, 1, NOW)
    assert (again.state, again.ended_why, again.ended_at, again.units_left) == ("active", None, None, 1)


def test_a_promise_to_another_till_keeps_the_right_open() -> None:
    right = unit_moves.reserve(unit_moves.reserve(a_right(units=2), 1, NOW), 1, NOW)
    assert unit_moves.use(right, 1, NOW).state == "active"


def test_promised_units_are_taken_for_others() -> None:
    with pytest.raises(Exhausted):
        unit_moves.reserve(unit_moves.reserve(a_right(units=3), 2, NOW), 2, NOW)


def test_a_right_that_expires_between_promise_and_use_is_used() -> None:
    right = unit_moves.reserve(a_right(units=2, valid_to=NOW + DAY), 1, NOW)
    assert rules.expired(right, NOW + 2 * DAY) is None
    assert unit_moves.use(right, 1, NOW + 2 * DAY).units_used == 1
    with pytest.raises(Ended):
        unit_moves.retake(right, 1, NOW + 2 * DAY)


def test_an_expired_right_stays_over_when_units_come_back() -> None:
    right = rules.expired(a_right(units=2, left=1, valid_to=NOW), NOW)
    assert right is not None
    back = unit_moves.give_back(right, 1, NOW)
    assert (back.state, back.ended_why, back.units_left) == ("ended", "expired", 2)


MOVES = st.lists(
    st.tuples(st.sampled_from([*sorted(unit_moves.MOVES), "expire", "cancel"]), st.integers(1, 4)), max_size=30
)


@given(total=st.integers(1, 6), moves=MOVES)
def test_units_stay_between_nothing_and_the_whole(total: int, moves: list[tuple[str, int]]) -> None:
    """Whatever tills say in whatever order: nothing below zero, nothing above the whole, ended when used up."""
    right = a_right(units=total, valid_to=NOW + DAY)
    promised: list[int] = []
    used: list[int] = []
    for move, units in moves:
        if move == "expire":
            right = rules.expired(right, NOW + DAY) or right
        elif move == "cancel":
            right = rules.arrived(right, Arrival(right.lane, right.id, cancelled=True), NOW) or right
        else:
            source = {"use": promised, "release": promised, "retake": promised, "give_back": used}.get(move)
            if source is not None and not source:
                continue
            count = source[-1] if source else units
            try:
                right = unit_moves.MOVES[move](right, count, NOW)
            except Refused:
                continue
            if source is not None:
                source.pop()
            if move == "reserve":
                promised.append(count)
            if move in ("use", "take", "retake"):
                used.append(count)
        assert (right.units_reserved, right.units_used) == (sum(promised), sum(used))
        assert min(right.units_left, right.units_reserved, right.units_used) >= 0
        assert (right.ended_why == "used_up") <= (right.units_used == total)
