"""Pure rules of redemption: the rotating code, what a till's word does to the units, and what units are worth."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp

from heyi.kernel.ids import from_text, to_text
from heyi.kernel.money import Money, shares
from heyi.provision.redemption.errors import (
    CodeMalformed,
    CodeStale,
    CodeWrong,
    NotPrepared,
    NotRedeemed,
    RedemptionExpired,
)
from heyi.provision.redemption.model import (
    DIGITS,
    LATE_S_MAX,
    STEP_S,
    STEPS_AWAY_MAX,
    Asked,
    Code,
    Redemption,
    ShownCode,
    Taken,
)

_FORM = "B1"
_STEP_DIGITS_MAX = 12


def step_at(now: datetime) -> int:
    """The number of the half minute."""
    return int(now.timestamp()) // STEP_S


def digits(secret: bytes, step: int) -> str:
    """RFC 6238 (HMAC-SHA-1, eight digits) for one step."""
    return pyotp.HOTP(base64.b32encode(secret).decode(), digits=DIGITS).at(step)


def shown(entitlement_id: UUID, secret: bytes, now: datetime) -> ShownCode:
    """The code to show now, and until when it is fresh."""
    step = step_at(now)
    text = f"{_FORM}:{to_text('ent', entitlement_id)}:{step}:{digits(secret, step)}"
    return ShownCode(text, datetime.fromtimestamp((step + 1) * STEP_S, UTC))


def parse(text: str) -> tuple[Code, str]:
    """What a scanned text claims: right and step, and its digits. Raises CodeMalformed."""
    form, _, rest = text.strip().partition(":")
    about, _, rest = rest.partition(":")
    step, _, number = rest.partition(":")
    id = from_text("ent", about)
    good = step.isascii() and step.isdigit() and len(step) <= _STEP_DIGITS_MAX and number.isascii() and number.isdigit()
    if form != _FORM or id is None or not good or len(number) != DIGITS:
        raise CodeMalformed("/code")
    return Code(id, int(step)), number


def check(code: Code, number: str, secret: bytes, now: datetime) -> None:
    """Whether the digits are right and fresh. Raises CodeWrong, CodeStale."""
    if not hmac.compare_digest(digits(secret, code.step), number):
        raise CodeWrong("/code")
    if abs(step_at(now) - code.step) > STEPS_AWAY_MAX:
        raise CodeStale("/code")


def fingerprint(asked: Asked) -> bytes:
    """The question behind a request number: another question under the same number is refused."""
    parts = (asked.code.strip(), str(asked.units), asked.till)
    return hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]


def unit_move(verb: str, was: Redemption, now: datetime) -> str | None:
    """What the till's word does to the voucher's units; None when this was said before and nothing is to be done.

    Raises NotPrepared, NotRedeemed, RedemptionExpired. A prepared redemption past its time is treated as expired
    whether or not the periodic job has come by: the outcome must not hang on a timer.
    """
    if verb == "confirm":
        return _confirm_move(was, now)
    if verb == "release":
        if was.state in ("redeemed", "reversed"):
            raise NotPrepared(state=was.state)
        return "release" if was.state == "prepared" else None
    if was.state not in ("redeemed", "reversed"):
        raise NotRedeemed(state=was.state)
    return "give_back" if was.state == "redeemed" else None


def _confirm_move(was: Redemption, now: datetime) -> str | None:
    if was.state == "redeemed":
        return None
    if was.state in ("released", "reversed"):
        raise NotPrepared(state=was.state)
    if now >= was.expires_at + timedelta(seconds=LATE_S_MAX):
        raise RedemptionExpired
    if was.state == "expired":
        return "take"
    return "use" if now < was.expires_at else "retake"


def worth(whole: Money, taken_minor: int, *, units: int, units_left: int) -> Money:
    """What these units are worth: their part of what is left of the whole, so that all units add up to the fen.

    `units_left` counts the units not yet redeemed, with these.
    """
    rest = whole.amount_minor - taken_minor
    return Money(shares(rest, [units, units_left - units])[0], whole.currency)


def amounts(share: Money, cost: Money, taken: Taken, *, units: int, units_total: int) -> tuple[Money, Money]:
    """The share and the cost of the next units, after those taken before."""
    left = units_total - taken.units
    return (
        worth(share, taken.share_minor, units=units, units_left=left),
        worth(cost, taken.cost_minor, units=units, units_left=left),
    )


def claimed_right(text: str) -> UUID | None:
    """The right that a scanned text claims to be of, true or not; None when it cannot be read."""
    try:
        return parse(text)[0].entitlement_id
    except CodeMalformed:
        return None
