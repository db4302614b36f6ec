"""Constants of a form: JSON read as the type that the operator wants."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from heyi.kernel.condition.model import DAYS_MAX, INTEGER_MAX, TEXT_CHARS_MAX, YEAR_MAX, Type, Window
from heyi.kernel.money import Money

_UNKEPT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what no text of ours holds, and no database keeps
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}")  # Python reads T0930 and 09:30:00 as well
UNITS = ("days", "hours", "minutes")
WINDOW_PARTS = {"from", "to", "weekdays", "since", "until"}


def constant(raw: object, type: Type) -> object | None:
    """The value, or None when it cannot be read as this type."""
    try:
        return _READERS[type](raw)
    except (ValueError, OverflowError):
        return None


def window(raw: object) -> Window | None:
    """{"from": "22:00", "to": "06:00", "weekdays": [6, 7], "since": time, "until": time}, any of them; or None."""
    if not isinstance(raw, dict) or not raw or set(raw) - WINDOW_PARTS or ("from" in raw) != ("to" in raw):
        return None
    try:
        clock = (_clock(raw["from"]), _clock(raw["to"])) if "from" in raw else None
        since, until = (_time(raw[name]) if name in raw else None for name in ("since", "until"))
        days = _weekdays(raw["weekdays"]) if "weekdays" in raw else frozenset[int]()
    except (ValueError, OverflowError):
        return None
    if (clock is not None and clock[0] == clock[1]) or (since is not None and until is not None and since >= until):
        return None
    return Window(clock, days, since, until)


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= TEXT_CHARS_MAX or _UNKEPT.search(raw):
        raise ValueError
    return raw


def _integer(raw: object) -> int:
    if type(raw) is not int or abs(raw) > INTEGER_MAX:
        raise ValueError
    return raw


def _boolean(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError
    return raw


def _money(raw: object) -> Money:
    if not isinstance(raw, dict) or set(raw) != {"amount_minor", "currency"}:
        raise ValueError
    currency = raw["currency"]
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        raise ValueError
    return Money(_integer(raw["amount_minor"]), currency)


def _time(raw: object) -> datetime:
    if not isinstance(raw, str):
        raise ValueError
    at = datetime.fromisoformat(raw)
    if at.tzinfo is None or at.year > YEAR_MAX:
        raise ValueError
    return at.astimezone(UTC)


def _duration(raw: object) -> timedelta:
    if not isinstance(raw, dict) or not raw or set(raw) - set(UNITS):
        raise ValueError
    length = timedelta(**{unit: _integer(raw[unit]) for unit in raw})
    if not timedelta() <= length <= timedelta(days=DAYS_MAX):
        raise ValueError
    return length


def _clock(raw: object) -> time:
    if not isinstance(raw, str) or not _CLOCK.fullmatch(raw):
        raise ValueError
    return time.fromisoformat(raw)


def _weekdays(raw: object) -> frozenset[int]:
    if not isinstance(raw, list) or not raw or not all(type(day) is int and 1 <= day <= 7 for day in raw):
        raise ValueError
    return frozenset(raw)


def _nothing(_: object) -> None:
    """A set is never a constant."""
    raise ValueError


_READERS = {
    Type.TEXT: _text,
    Type.WORD: _text,
    Type.INTEGER: _integer,
    Type.MONEY: _money,
    Type.TIME: _time,
    Type.DURATION: _duration,
    Type.BOOLEAN: _boolean,
    Type.SET: _nothing,
}
