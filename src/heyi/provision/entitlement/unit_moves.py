"""Pure: the units of a voucher are promised to a till, used, and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from msgspec import structs

from heyi.kernel.parts import VOUCHER
from heyi.provision.entitlement import rules
from heyi.provision.entitlement.errors import Ended, Exhausted, Held, NoCode, NotActivated, NotDelivered
from heyi.provision.entitlement.model import Right


def check_use(right: Right, units: int, now: datetime) -> None:
    """Raises NoCode, Held, Ended, Failed, NotDelivered, NotActivated or Exhausted when units cannot be used now."""
    if right.kind != VOUCHER:
        raise NoCode
    if right.holds:
        raise Held(reasons=", ".join(right.holds))
    rules.check_there(right, now)
    if right.state in rules.UNDELIVERED:
        raise NotDelivered
    if right.state == "pending_activation":
        raise NotActivated
    if units > right.units_left:
        raise Exhausted(left=right.units_left, asked=units)


def reserve(right: Right, units: int, now: datetime) -> Right:
    """Promise units to a till. Raises what `check_use` raises."""
    check_use(right, units, now)
    return replace(right, units_left=right.units_left - units, units_reserved=right.units_reserved + units)


def use(right: Right, units: int, now: datetime) -> Right:
    """Use units that were promised; the last one ends the right. Raises Held, Ended.

    A right that expires between the promise and the use is still used: the buyer stood at the till in time.
    """
    if right.holds:
        raise Held(reasons=", ".join(right.holds))
    if right.state != "active":
        raise Ended(why=right.ended_why or right.state)
    kept = structs.replace(right.properties, redeemed_at=right.properties.redeemed_at or now)
    right = replace(right, units_reserved=right.units_reserved - units, properties=kept)
    return right if right.units_left or right.units_reserved else rules.step(right, "use_up", now)


def release(right: Right, units: int, now: datetime) -> Right:
    """Promised units come back; a right that is over keeps them unused."""
    return replace(right, units_left=right.units_left + units, units_reserved=right.units_reserved - units)


def take(right: Right, units: int, now: datetime) -> Right:
    """A till's late answer: promise and use in one breath. Raises what both raise."""
    return use(reserve(right, units, now), units, now)


def retake(right: Right, units: int, now: datetime) -> Right:
    """A late answer whose promise was not withdrawn yet: decided as if it had been."""
    return take(release(right, units, now), units, now)


def give_back(right: Right, units: int, now: datetime) -> Right:
    """Used units come back; a used-up right opens again, one that ended otherwise stays over."""
    right = replace(right, units_left=right.units_left + units)
    if not right.units_used:
        right = replace(right, properties=structs.replace(right.properties, redeemed_at=None))
    return rules.step(right, "reopen", now) if right.ended_why == "used_up" else right


MOVES: dict[str, Callable[[Right, int, datetime], Right]] = {
    "reserve": reserve,
    "use": use,
    "release": release,
    "take": take,
    "retake": retake,
    "give_back": give_back,
}
