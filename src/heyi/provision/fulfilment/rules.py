"""Pure: what the end of a talk does to a task, its attempt and its item; and gaps."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from heyi.kernel.clock import millis
from heyi.kernel.talk import Accepted, Answer, Cure, Declined, Delivered, Failed, NotFound, Unknown
from heyi.provision.fulfilment.errand import Errand, Result, Ruling, Standing
from heyi.provision.fulfilment.model import ASKING, ENDED, SCHEDULED, SENDING
from heyi.provision.fulfilment.pulse import word
from heyi.provision.fulfilment.routing import Routes
from heyi.provision.fulfilment.suppliers import PASSING

QUERIES_MAX = 24  # with gaps up to a quarter of an hour: about four hours, then a person looks
ATTEMPTS_MAX = 24  # outer numbers of one task, over all its offers
SUBMITS_MAX = 5  # times that one outer number is sent when it never arrives
RECHECKS_MAX = 12  # later looks at a number that is said to be over: about half a day
RECHECKS_OPEN_MAX = 40  # at one that was overtaken and may be under way: about a week
RECHECK_GAP_MS_MIN, RECHECK_GAP_MS_MAX = 10_000, 6 * 60 * 60_000
QUERY_GAP_MS_MIN, QUERY_GAP_MS_MAX = 500, 15 * 60_000
RETRY_GAP_MS_MIN, RETRY_GAP_MS_MAX = 10_000, 60 * 60_000
LEASE_MARGIN_MS = 5_000


def lease_for(timeout_ms: int) -> timedelta:
    """How long a claimed task is ours: one exchange, and what a busy process may lose around it."""
    return timedelta(milliseconds=timeout_ms + LEASE_MARGIN_MS)


def may_still_call(lease_until: datetime, timeout_ms: int, wall: datetime) -> bool:
    """No call starts with less lease left than its time-out."""
    return lease_until - wall >= timedelta(milliseconds=timeout_ms)


def gap_ms(least_ms: int, most_ms: int, times: int, seed: str) -> int:
    """A gap that doubles each time, with a tenth of jitter either way, drawn from the seed."""
    whole = min(most_ms, least_ms << min(times, 20))
    draw = int.from_bytes(hashlib.blake2b(f"{seed}/{times}".encode(), digest_size=2).digest(), "big")
    return whole * (900 + draw % 201) // 1000


def query_gap_ms(errand: Errand) -> int:
    """Until the next query: first the supplier's typical time, then ever longer; never sooner than it bears."""
    connector = errand.account.connector
    first = connector.first_query_ms if errand.verb == "submit" else 0
    least = max(QUERY_GAP_MS_MIN, connector.query_gap_ms, errand.account.typical_ms, first)
    return gap_ms(least, max(QUERY_GAP_MS_MAX, least), errand.queries, errand.outer_number)


def recheck_gap_ms(errand: Errand) -> int:
    """Until an attempt that is over, or overtaken, is looked at again."""
    least = max(RECHECK_GAP_MS_MIN, 4 * errand.account.typical_ms)
    return gap_ms(least, max(RECHECK_GAP_MS_MAX, least), errand.rechecks, errand.outer_number)


def settled_at(errand: Errand) -> datetime:
    """From when on "not found" is the truth: nothing can have been sent or taken in after it. Real time."""
    account = errand.account
    return errand.sent_until + timedelta(milliseconds=account.timeout_ms + account.grace_ms)


def _grace_left_ms(errand: Errand, wall: datetime) -> int:
    """How long "not found" may still change its mind."""
    return millis(settled_at(errand)) - millis(wall)


def decide(result: Result, standing: Standing, wall: datetime, ways: Routes = Routes()) -> Ruling:
    """What this result does to the task as it stands now. `ways`: where it may go after a definite no."""
    errand, answer = result.errand, result.answer
    expected = SENDING if errand.verb == "submit" else ASKING
    if errand.verb == "recheck" or standing.state != expected or standing.lease != errand.lease:
        return _aside(errand, answer, standing, wall)
    # Accepted, maybe by what another talk heard since this one began: only their own end of it is a no.
    taken = errand.accepted or standing.attempt_state == "accepted"
    match answer:
        case Delivered():
            return Ruling("deliver", "deliver", item="deliver")
        case Accepted():
            return _ask(errand, standing, "accept", "accepted")
        case Unknown(why):
            return _ask(errand, standing, "lose", f"unknown {why}")
        case NotFound():
            return _not_found(errand, standing, wall, ways, taken=taken)
        case Declined() if taken and errand.verb == "submit":
            return _ask(errand, standing, "lose", "unknown they accepted this number and refuse it now")
        case Declined(why, Cure.PERSON) if errand.verb == "submit" and errand.submits > 1:
            # Sent once more, and refused in words that say nothing of price, stock or account: perhaps because they
            # know the number after all.
            return _ask(errand, standing, "lose", f"unknown refused when sent again: {why}")
        case Declined(why, cure) if taken:
            return _failed(errand, why, cure, ways)
        case Declined(why, cure):
            return _declined(errand, why, cure, ways)
        case Failed(why, cure):
            return _failed(errand, why, cure, ways)


def _aside(errand: Errand, answer: Answer, standing: Standing, wall: datetime) -> Ruling:
    """Not ours any more (a stale lease, or a second look): only a delivery moves a task, and it is never lost."""
    if isinstance(answer, Delivered):
        if standing.attempt_state == "delivered":
            return Ruling()
        if standing.state in ENDED:
            return Ruling(attempt="deliver", difference=True)
        return Ruling("deliver", "deliver", item="deliver")
    open_still = standing.attempt_state in ("sending", "unknown", "accepted")
    # Nobody asks about a number whose task has ended or stands at another one: it has to be looked at by itself.
    left = standing.state in ENDED or standing.attempts != errand.number
    # Once accepted, always accepted: such a number is never sent again, whatever a later query says.
    attempt = "accept" if isinstance(answer, Accepted) and open_still else None
    if attempt and standing.state == SCHEDULED and not left:
        return Ruling("ask", attempt, query_gap_ms(errand))  # it was to go out again
    if errand.verb == "recheck" and left and open_still:
        attempt = attempt or _no_more(errand, answer, standing, wall)
        open_still = attempt in (None, "accept")
    most = RECHECKS_OPEN_MAX if open_still else RECHECKS_MAX
    worth = open_still or errand.verb == "recheck" or standing.attempt_state == "failed"
    again = (errand.verb == "recheck" or left) and worth and errand.rechecks < most
    gap, grace = recheck_gap_ms(errand), _grace_left_ms(errand, wall)
    if isinstance(answer, NotFound) and grace > 0:
        gap = min(gap, grace + gap_ms(500, 500, errand.rechecks, errand.outer_number))
    return Ruling(attempt=attempt, recheck_ms=gap if again else None)


def _no_more(errand: Errand, answer: Answer, standing: Standing, wall: datetime) -> str | None:
    """How a number that was left behind has ended, by what a later look heard: a no, or that it never arrived."""
    if isinstance(answer, Declined | Failed):
        return "fail" if isinstance(answer, Failed) else "decline"
    taken = errand.accepted or standing.attempt_state == "accepted"
    return "decline" if isinstance(answer, NotFound) and not taken and _grace_left_ms(errand, wall) <= 0 else None


def _ask(errand: Errand, standing: Standing, attempt: str, problem: str) -> Ruling:
    if errand.queries >= QUERIES_MAX:
        return Ruling("want_person", attempt, problem=problem, item="start")
    # A callback that came while we talked is why we ask again at once.
    wait_ms = 0 if standing.heard else query_gap_ms(errand)
    return Ruling("ask", attempt, wait_ms, problem=None if attempt == "accept" else problem)


def _not_found(errand: Errand, standing: Standing, wall: datetime, ways: Routes, *, taken: bool) -> Ruling:
    if errand.verb == "submit" or taken:
        return _ask(errand, standing, "lose", "unknown they accepted this number and do not know it now")
    if (left_ms := _grace_left_ms(errand, wall)) > 0:
        ruling = _ask(errand, standing, "lose", "unknown not found yet")
        if ruling.move != "ask":
            return ruling
        soon = min(ruling.wait_ms or 0, left_ms + gap_ms(500, 500, errand.queries, errand.outer_number))
        return Ruling("ask", "lose", soon, ruling.problem)
    again = recheck_gap_ms(errand)  # should it turn up after all
    if (ways.unwell or errand.submits >= SUBMITS_MAX) and ways.fresh is not None and errand.number < ATTEMPTS_MAX:
        return Ruling("retry", "decline", 0, "never_arrived", route=ways.fresh.offer, recheck_ms=again)
    if errand.submits >= SUBMITS_MAX:
        return Ruling("want_person", "decline", problem="never_arrived", item="start", recheck_ms=again)
    return Ruling("resend", "lose", 0, "never_arrived")


def _declined(errand: Errand, why: str, cure: Cure, ways: Routes) -> Ruling:
    """Nothing was bought: another offer may have it at once; what passes by itself is tried again later. A number that
    went out before is looked at again, should what was sent then turn up after all.
    """
    again = recheck_gap_ms(errand) if errand.submits > 1 else None
    if cure is Cure.ASK_BUYER:
        return Ruling("want_buyer", "decline", problem=why, item="want_buyer", recheck_ms=again)
    if errand.number < ATTEMPTS_MAX:
        if ways.fresh is not None:
            return Ruling("retry", "decline", 0, why, route=ways.fresh.offer, recheck_ms=again)
        if word(why) in PASSING:
            gap = gap_ms(RETRY_GAP_MS_MIN, RETRY_GAP_MS_MAX, errand.number - 1, errand.outer_number)
            to = None if ways.again is None else ways.again.offer
            return Ruling("retry", "decline", gap, why, route=to, recheck_ms=again)
    return Ruling("want_person", "decline", problem=why, item="start", recheck_ms=again)


def fallen(errand: Errand, ruling: Ruling) -> Ruling:
    """A definite no that a person would have to look at, where the item's flow says itself what follows: it goes on
    from its delivery as failed, at once.
    """
    if not errand.request.falls_back or ruling.move != "want_person" or ruling.attempt not in ("decline", "fail"):
        return ruling
    return replace(ruling, move="wait", wait_ms=0, item=None)


def _failed(errand: Errand, why: str, cure: Cure, ways: Routes) -> Ruling:
    """Accepted, then failed for good: never again at this offer by itself. Some suppliers say so and deliver all the
    same, so the number is looked at again later, wherever the task has gone.
    """
    again = recheck_gap_ms(errand)
    if cure is Cure.ASK_BUYER:
        return Ruling("want_buyer", "fail", problem=why, item="want_buyer", recheck_ms=again)
    if cure is Cure.OTHER_OFFER and ways.fresh is not None and errand.number < ATTEMPTS_MAX:
        return Ruling("retry", "fail", 0, why, route=ways.fresh.offer, recheck_ms=again)
    return Ruling("want_person", "fail", problem=why, item="start", recheck_ms=again)
