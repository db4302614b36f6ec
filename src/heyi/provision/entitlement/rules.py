"""Pure rules of rights: first states, validity windows, what comes next, and every move (of units: unit_moves.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.masking import mask
from heyi.kernel.parts import Part, Validity, waits_for_activation, window
from heyi.provision.entitlement.errors import (
    AccountMalformed,
    AccountMissing,
    AccountUnknown,
    AlreadyActivating,
    Ended,
    Failed,
    Held,
    NotDelivered,
    NothingToActivate,
    NothingToChoose,
    NothingToReveal,
)
from heyi.provision.entitlement.model import MACHINE, REVEALED_KINDS, WHY, Arrival, Properties, Right, State

_NO_TERMS = Validity()
UNDELIVERED: tuple[State, ...] = ("scheduled", "pending_delivery")


def first_state(part: Part, item_state: str) -> State:
    """The state a right is granted in, from the item's own first state."""
    if item_state == "delivered":
        return "pending_activation" if waits_for_activation(part.kind, part.validity) else "active"
    if item_state in ("failed", "scheduled"):
        return "failed" if item_state == "failed" else "scheduled"
    return "pending_delivery"


def properties_of(part: Part, *, item_state: str, key_expires_at: datetime | None, now: datetime | None) -> Properties:
    """What the right keeps of the part that it was sold with."""
    return Properties(
        share=part.share,
        cost=part.offer.cost,
        earn_on=part.earn_on,
        validity=None if part.validity == _NO_TERMS else part.validity,
        fields=part.fields,
        given={name: mask(value) for name, value in part.accounts.items()},
        on_request=item_state == "waiting_for_buyer",
        link=part.link,
        how_to_use=part.how_to_use,
        key_expires_at=key_expires_at,
        delivered_at=now if item_state == "delivered" else None,
    )


def arrived(right: Right, arrival: Arrival, now: datetime) -> Right | None:
    """The right after news of its delivery; None when the news does not move it (late, repeated, already over)."""
    move = _news(right, arrival)
    state = right.state if arrival.still else MACHINE.step(right.state, move)
    if state is None or (state == right.state and move == "begin" and arrival.asks is None):
        return None
    if arrival.still and right.state not in UNDELIVERED:
        return None
    kept = right.properties
    if arrival.asks is not None:  # a flow comes to the buyer, or goes on without him; accounts given before are kept
        again = {"sent": False, "asked": None} if arrival.asks else {}
        kept = structs.replace(kept, on_request=arrival.asks, **again)
    if move in ("hand_over", "deliver"):
        ends = [at for at in (arrival.key_expires_at, kept.key_expires_at) if at is not None]
        kept = structs.replace(kept, delivered_at=now, key_expires_at=min(ends, default=None))
    if arrival.wants_buyer:  # the accounts were wrong or missing: ask for all of them
        kept = structs.replace(kept, on_request=True, sent=False, asked=None, given={})
    return _in_window(right, _moved(replace(right, properties=kept), move, state, now))


def _news(right: Right, arrival: Arrival) -> str:
    for told, move in ((arrival.failed, "fail"), (arrival.cancelled, "cancel"), (arrival.wants_buyer, "want_buyer")):
        if told:
            return move
    if arrival.begun or arrival.still:
        return "begin"
    if arrival.asks:
        return "want_buyer"
    return "hand_over" if waits_for_activation(right.kind, right.properties.validity) else "deliver"


def activated(right: Right, accounts: Mapping[str, str], asked: str, now: datetime) -> Right:
    """The right after the buyer's activation; the same right when he has asked for exactly this before.

    `asked` is the fingerprint of the accounts. Raises Held, Ended, Failed, NotDelivered, NothingToActivate,
    AlreadyActivating, or what is wrong with the accounts (ManyRefused when there are several faults).
    """
    kept = right.properties
    if right.holds:
        raise Held(reasons=", ".join(right.holds))
    if kept.asked is not None and right.state in (*UNDELIVERED, "active"):
        if kept.asked != asked:
            raise AlreadyActivating
        return right
    check_there(right, now)
    if right.next_step.step != "activate":
        raise NotDelivered if right.state == "scheduled" else NothingToActivate
    _check_accounts(right, accounts)
    given = {**kept.given, **{name: mask(value) for name, value in accounts.items()}}
    right = replace(right, properties=structs.replace(kept, given=given, asked=asked, sent=True))
    return right if right.state in UNDELIVERED else begin(right, now)


def check_choice(right: Right) -> None:
    """Raises Held or NothingToChoose when the buyer cannot choose for this right now."""
    if right.holds:
        raise Held(reasons=", ".join(right.holds))
    if right.next_step.step != "choose":
        raise NothingToChoose


def revealed(right: Right, now: datetime) -> Right:
    """The right after its key or link was shown: the first time activates it.

    Raises NothingToReveal, Held, Ended, Failed, NotDelivered.
    """
    if right.kind not in REVEALED_KINDS:
        raise NothingToReveal
    if right.holds:
        raise Held(reasons=", ".join(right.holds))
    check_there(right, now)
    if right.state in UNDELIVERED:
        raise NotDelivered
    return begin(right, now) if right.state == "pending_activation" else right


def expired(right: Right, now: datetime) -> Right | None:
    """The right after its last moment; None when it may not end yet (units are promised to a till)."""
    if not right.expired(now) or right.units_reserved or MACHINE.step(right.state, "expire") is None:
        return None
    return step(right, "expire", now)


def check_there(right: Right, now: datetime) -> None:
    """The right is not over."""
    if right.state == "failed":
        raise Failed
    if right.state == "ended":
        raise Ended(why=right.ended_why)
    if right.expired(now):
        raise Ended(why="expired")


def _check_accounts(right: Right, accounts: Mapping[str, str]) -> None:
    wanted = {field.name: field for field in right.missing if right.state in UNDELIVERED}
    faults: list[Refused] = [AccountUnknown(_pointer(name), name=name) for name in accounts if name not in wanted]
    for name, field in wanted.items():
        if name not in accounts:
            faults.append(AccountMissing(_pointer(name), label=field.label))
        elif re.fullmatch(field.pattern, accounts[name]) is None:
            faults.append(AccountMalformed(_pointer(name), label=field.label))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ManyRefused(faults)


def _pointer(name: str) -> str:
    return "/accounts/" + name.replace("~", "~0").replace("/", "~1")


def begin(right: Right, now: datetime) -> Right:
    return _in_window(right, step(right, "activate", now))


def begun(right: Right, at: datetime, now: datetime) -> Right:
    """The right as one that began at this time of its partner's: not before its delivery, and not in the future. One
    that is thought to have begun later ends so much earlier.
    """
    at = min(max(at, right.properties.delivered_at or right.created_at), now)
    if right.state == "pending_activation":
        return begin(right, at)
    if right.state != "active" or right.activated_at is None or right.activated_at <= at:
        return right
    return _in_window(right, replace(right, activated_at=at))


def step(right: Right, move: str, now: datetime) -> Right:
    state = MACHINE.step(right.state, move)
    if state is None:
        raise ValueError(f"a right that is {right.state} cannot {move}")
    return _moved(right, move, state, now)


def _moved(right: Right, move: str, state: State, now: datetime) -> Right:
    ended = state == "ended"
    return replace(
        right,
        state=state,
        ended_why=WHY[move] if ended else None,
        ended_at=now if state in ("ended", "failed") else None,
        activated_at=right.activated_at or now if state == "active" else right.activated_at,
    )


def _in_window(was: Right, after: Right) -> Right:
    """The right with its window as it is now; what pauses have given back until now stays."""
    start, end = _window(after)
    counted = _window(was)[1]
    if end is not None and counted is not None and was.valid_to is not None:
        end = prolonged(after, end, was.valid_to - counted)
    return replace(after, valid_from=start, valid_to=end)


def prolonged(right: Right, end: datetime, by: timedelta) -> datetime:
    """This end, moved by what a pause gives back: nothing can be given back beyond the key's own end."""
    key = right.properties.key_expires_at
    return end + by if key is None else max(end, min(end + by, key))


def _window(right: Right) -> tuple[datetime | None, datetime | None]:
    kept = right.properties
    return window(
        kept.validity, paid_at=right.created_at, delivered_at=kept.delivered_at, activated_at=right.activated_at,
        key_expires_at=kept.key_expires_at,
    )  # fmt: skip
