"""Pure rules: how a partner's word adds up, what our right should become of it, and how fresh that word is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from heyi.kernel.ids import from_text
from heyi.kernel.parts import VOUCHER
from heyi.provision.usage.lists import Promise
from heyi.provision.usage.model import (
    CLOCKS_APART,
    EARLIEST,
    END_APART,
    RANK,
    Belief,
    Compared,
    Ended,
    Event,
    Fresh,
    Named,
    Ours,
    Policy,
    R,
    Reference,
    Ruling,
    Told,
)

_LIVE = ("pending_activation", "active")
_UNDELIVERED = ("scheduled", "pending_delivery")


def heard(belief: Belief, told: Told) -> Belief:
    """The belief with one more thing told. Every value is an extreme or a sum: order and lateness do not matter."""
    if told.kind is None:
        return replace(belief, missing_at=_later(belief.missing_at, told.seen_at))
    after = replace(
        belief, seen_at=_later(belief.seen_at, told.seen_at), units=belief.units + told.units,
        total=max(belief.total, told.total),
    )  # fmt: skip
    if _weight(told.kind, told.at) > _weight(belief.state, belief.state_at):
        after = replace(after, state=told.kind, state_at=told.at)
    if told.kind in ("activated", "used"):
        begun_at = told.at if belief.begun_at is None else min(belief.begun_at, told.at)
        after = replace(after, alive_at=_later(belief.alive_at, told.seen_at), begun_at=begun_at)
    if told.kind == "used":
        after = replace(after, used_at=_later(belief.used_at, told.at))
    if told.kind in ("expired", "cancelled"):
        after = replace(after, ended_seen_at=_later(belief.ended_seen_at, told.seen_at))
    if told.kind == "expired":
        after = replace(after, expired_at=_later(belief.expired_at, told.at))
    if told.kind == "cancelled":
        after = replace(after, cancelled_at=_later(belief.cancelled_at, told.at))
    return after


def latest(now: datetime, wall: datetime) -> datetime:
    """The latest time that a partner's clock may show now."""
    return max(now, wall) + CLOCKS_APART


def is_time(at: datetime, latest: datetime) -> bool:
    """Whether something can have happened then. Moments are compared: New Year comes earlier in the east."""
    return EARLIEST <= at <= latest


def is_late(before: Belief, after: Belief, told: Told) -> bool:
    """Whether the report is older than what we knew of their state, and tells nothing that we did not know."""
    unseen = {"seen_at": None, "alive_at": None, "begun_at": None, "ended_seen_at": None}
    same = replace(before, **unseen) == replace(after, **unseen)  # type: ignore[arg-type]
    return same and before.state_at is not None and told.at < before.state_at


def compare(
    belief: Belief, ours: R, policy: Policy, follow: Callable[[R, Ruling], R], *, reversed_units: int = 0,
    late: Sequence[bool] = (),
) -> Compared[R]:  # fmt: skip
    """What our right becomes by what its partner believes: `follow` carries a ruling out (in memory).

    What is left to a person is what still differs of that which it became.
    """
    begun = begin(ours, belief, policy, reversed_units=reversed_units)
    middle = follow(ours, begun)
    belief = replace(belief, began=belief.began or begun.activate)
    finished = finish(middle, belief, policy)
    after = follow(middle, finished)
    if finished.end is not None:
        belief = replace(belief, followed=finished.end, settled=policy.forced)
    left = begin(after, belief, policy, reversed_units=reversed_units).drifts + finish(after, belief, policy).drifts
    ruling = Ruling(begun.activate, begun.begins_at, begun.units, finished.end, tuple(dict.fromkeys(left)))
    return Compared(belief, ours, after, ruling, tuple(late))


def named(partner_id: UUID, references: Sequence[Reference], found: Sequence[tuple[Reference, UUID]],
          owners: Mapping[UUID, UUID]) -> Named:  # fmt: skip
    """Sort references by whose right they name. A number that names several of theirs names none."""
    mine: dict[Reference, set[UUID]] = {}
    others = set()
    for reference, id in found:
        if owners.get(id) == partner_id:
            mine.setdefault(reference, set()).add(id)
        elif id in owners:
            others.add(reference)
    sure = {reference: next(iter(ids)) for reference, ids in mine.items() if len(ids) == 1}
    return Named(sure, others - sure.keys(), set(references) - others - sure.keys())


def ids_in(references: Sequence[Reference]) -> list[tuple[Reference, UUID]]:
    """Rights that are named by our own public id."""
    found = [(one, from_text("ent", one.text)) for one in references if one.kind == "entitlement"]
    return [(one, id) for one, id in found if id is not None]


def reference_of(text: str) -> Reference:
    """The reference that was written as this text."""
    kind, _, number = text.partition(":")
    return Reference(kind, number) if number else Reference("entitlement", text)


def chunks(numbers: Mapping[UUID, str], most: int) -> list[dict[UUID, str]]:
    """At most so many at once."""
    pairs = sorted(numbers.items())
    return [dict(pairs[start : start + most]) for start in range(0, len(pairs), most)]


def strangers(events: Sequence[Event], whose: Named) -> dict[str, str]:
    """What they say of numbers that we do not know, the latest word of each; ids of ours that do not exist are typing
    errors, not rights.
    """
    unknown = [one for one in events if one.reference in whose.unknown and one.reference.kind != "entitlement"]
    unknown.sort(key=lambda one: (one.told.at, one.told.kind or ""))
    return {str(one.reference): f"{one.told.kind} since {one.told.at.isoformat()}" for one in unknown}


def begin(ours: Ours, belief: Belief, policy: Policy, *, reversed_units: int = 0) -> Ruling:
    """First what they have begun: activation and use. What our right becomes by it, and what is left to a person.

    It depends on the belief alone, so the order in which reports came is forgotten. `reversed_units` were used at a
    till and given back; only a person can tell whether a report speaks of one of them.
    """
    units, drifts = _used(ours, belief, policy, reversed_units)
    lives = belief.alive_at is not None
    if lives and ours.state in _UNDELIVERED and not belief.ended:
        drifts.append("they_active_we_pending")
    activate = False
    if lives and ours.state == "pending_activation":
        activate = units > 0 or not (ours.holds or policy.activated == "list")
        drifts += [] if activate else ["they_active_we_pending"]
    # Which of their reports came first must not decide when the right ends: an earlier begin, told later, counts.
    known_better = belief.began and ours.state == "active" and not ours.holds
    return Ruling(activate, belief.begun_at if activate or known_better else None, units, None, tuple(drifts))


def finish(ours: Ours, belief: Belief, policy: Policy) -> Ruling:
    """Then what they have ended, judged of our right as it is after `begin`; and who does not know whose right.

    An end that may be followed is followed even if they say later that the right lives: what is over stays over, and
    the contradiction is listed.
    """
    end = _end(ours, belief, policy)
    drifts = []
    if belief.missing and end is None and ours.state in _LIVE:
        drifts.append("ours_unknown_to_them")
    elif belief.ended and end is None and not belief.revived and ours.state in (*_LIVE, *_UNDELIVERED):
        drifts.append("we_active_they_ended")
    if _they_have_it(ours, belief, by_their_word=(end or belief.followed) is not None):
        drifts.append("we_ended_they_active")
    return Ruling(end=end, drifts=tuple(drifts))


def _used(ours: Ours, belief: Belief, policy: Policy, reversed_units: int) -> tuple[int, list[str]]:
    """Units to be used on our side too. What tills have promised may be what is reported; it is waited for."""
    if ours.kind != VOUCHER:
        return 0, []
    in_doubt = 0 if policy.forced else reversed_units
    too_many = ["they_used_more"] if belief.used > ours.units_total else []
    more = min(belief.used, ours.units_total) - ours.units_used - ours.units_reserved
    if more <= 0:
        return 0, too_many
    if ours.state in _UNDELIVERED or ours.state == "failed":
        return 0, ["they_used_more"]
    sure = more - in_doubt
    if policy.used == "list" or ours.holds or sure <= 0:
        return 0, ["they_used_more"]
    if ours.state == "ended" and not _may_use_after(ours, belief, policy):
        return 0, ["they_used_more"]
    return sure, ["they_used_more"] if in_doubt else too_many


def _may_use_after(ours: Ours, belief: Belief, policy: Policy) -> bool:
    """A use that is told after the end counts when the end was their own word; else money is involved. One that
    happened long after the end contradicts it.
    """
    theirs = belief.followed is not None and belief.followed == ours.ended_why
    if not theirs and (policy.used != "follow" or ours.ended_why != "expired"):
        return False
    told = belief.expired_at if ours.ended_why == "expired" else belief.cancelled_at
    over_at = told if theirs else ours.valid_to or ours.ended_at
    apart = belief.used_at is not None and over_at is not None and belief.used_at > over_at + END_APART
    return policy.forced or not apart


def _end(ours: Ours, belief: Belief, policy: Policy) -> Ended | None:
    """The end to be followed. Of two that they told, expiry counts: what was cancelled first runs out later. What a
    person has ended as cancelled may be refunded by now, and stays so.
    """
    expires = belief.expired_at is not None and _allowed(policy, ours, belief.expired_at)
    if ours.state == "ended" and belief.followed == "cancelled" and ours.ended_why == "cancelled":
        return "expired" if expires and not belief.settled else None
    if ours.state not in _LIVE or ours.holds or ours.units_reserved:
        return None
    if expires:
        return "expired"
    return "cancelled" if belief.cancelled_at is not None and policy.cancelled == "follow" else None


def _allowed(policy: Policy, ours: Ours, expired_at: datetime) -> bool:
    """Whether an expiry is followed. One of before the right was sold is about another that had its number. Careful:
    not when the buyer may lose what he paid for, as it never began, or its term is not over or not known.
    """
    if policy.forced:
        return True
    if policy.expired == "list" or expired_at < ours.created_at - CLOCKS_APART:
        return False
    if policy.expired == "follow":
        return True
    if ours.state == "pending_activation" or ours.valid_to is None:
        return False
    return expired_at >= ours.valid_to - END_APART


def _they_have_it(ours: Ours, belief: Belief, *, by_their_word: bool) -> bool:
    """They have it, and we do not (any more)."""
    if belief.alive_at is None or (belief.ended and not belief.revived):
        return False
    if ours.state == "failed":
        return True
    if ours.kind == VOUCHER and ours.units_used >= ours.units_total:
        return False  # whatever they call it, nothing of it is left
    if by_their_word:
        return belief.revived
    if ours.state != "ended" or ours.ended_why == "used_up" or ours.ended_at is None:
        return False
    return belief.alive_at > ours.ended_at + (END_APART if ours.ended_why == "expired" else CLOCKS_APART)


def fresh(state: str, belief_heard_at: datetime | None, promise: Promise | None, now: datetime) -> Fresh:
    """How fresh a partner's word about a right is. A list of changes that was read to its end confirms what it left
    out, for rights that it has named before.
    """
    if promise is None or state not in _LIVE:
        return "not_expected"
    if belief_heard_at is None:
        return "never_heard"
    last = _later(promise.drained_at, belief_heard_at)
    return "yes" if now - last <= timedelta(seconds=promise.fresh_s) else "stale"


def said(ours: Ours) -> str:
    """Our side of a disagreement, in one line."""
    words = [ours.state, *([ours.ended_why] if ours.ended_why else [])]
    used = f", {ours.units_used} of {ours.units_total} used" if ours.kind == VOUCHER else ""
    return f"{' '.join(words)}{used}"


def _weight(kind: str | None, at: datetime | None) -> tuple[int, float, str]:
    return (-1, 0.0, "") if kind is None or at is None else (RANK[kind], at.timestamp(), kind)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
