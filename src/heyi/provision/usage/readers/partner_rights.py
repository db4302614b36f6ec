"""The protocol that the simulator speaks: `GET {base_url}/rights?since=&limit=&outer=`, key in X-Partner-Key.

The answer is `{"rights": [{"outer_no", "order_no", "product", "state", "changed_at"}], "more"}`, oldest change first;
the last `changed_at` is the next `since`, which excludes itself (of a page that goes on, the one before the last).
States: delivered, activated, used, expired, cancelled; any other word makes the whole page unreadable, so that a new
one is noticed instead of skipped. Optional, of a voucher: `used`, its units used so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import msgspec

from heyi.kernel.talk import Call, Look, Reply
from heyi.provision.usage.errors import EventMalformed, TimeWrong, UnitsWrong
from heyi.provision.usage.lists import OddRow, Page, TheirRight
from heyi.provision.usage.model import UNITS_MAX, Kind
from heyi.provision.usage.rules import is_time

LIMIT = 500
SOME_MAX = 50
STATES: dict[str, Kind] = {
    "delivered": "pending", "activated": "activated", "used": "used", "expired": "expired", "cancelled": "cancelled",
}  # fmt: skip
NUMBER_MAX, RAW_MAX = 64, 4000  # characters


class _Right(msgspec.Struct):
    outer_no: str
    state: str
    changed_at: datetime
    order_no: str = ""
    product: str = ""
    used: int = 0


class _Answer(msgspec.Struct):
    rights: list[msgspec.Raw]
    more: bool = False


_decode = msgspec.json.Decoder(_Answer).decode
_decode_right = msgspec.json.Decoder(_Right).decode
_encode = msgspec.json.Encoder().encode


def page(base_url: str, key: str, cursor: str | None, *, latest: datetime) -> Look[Page]:
    since = "" if cursor is None else f"&since={quote(cursor, safe='')}"
    reply = yield _call(f"{base_url}/rights?limit={LIMIT}{since}", key)
    found = _page(reply, latest)
    times = sorted({one.changed_at for one in found.rights if cursor is None or one.changed_at > _time(cursor)})
    if found.more and not times:
        return Page(problem="unreadable: more to come, and no way to it")
    # More of the last moment may stand on the next page: it is read again, unless it is all that there is.
    last = times[-2:-1] or times if found.more else times
    return replace(found, cursor=last[-1].isoformat() if last else cursor)


def some(base_url: str, key: str, numbers: Sequence[str], *, latest: datetime) -> Look[Page]:
    named = quote(",".join(numbers), safe=",")
    reply = yield _call(f"{base_url}/rights?limit={LIMIT}&outer={named}", key)
    return _page(reply, latest)


def _time(cursor: str) -> datetime:
    return datetime.fromisoformat(cursor)


def _call(url: str, key: str) -> Call:
    return Call("GET", url, {"X-Partner-Key": key, "Accept": "application/json"}, secrets=(key,))


def _page(reply: Reply, latest: datetime) -> Page:
    if reply.status != 200:
        return Page(problem=f"status {reply.status}")
    try:
        answer = _decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return Page(problem=f"unreadable: {str(fault)[:200]}")
    rights: list[TheirRight] = []
    odd: list[OddRow] = []
    for row in answer.rights:
        try:
            one = _decode_right(row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            odd.append(OddRow("", EventMalformed.code, _text(bytes(row))))
            continue
        kind, number = STATES.get(one.state), one.outer_no if _is_number(one.outer_no) else ""
        if kind is None:
            return Page(problem=f"unreadable: state {one.state[:40]!r} of {one.outer_no[:40]!r}")
        if code := _wrong(one, number, latest):
            odd.append(OddRow(number, code, _text(bytes(row))))
        else:
            total = max(one.used, int(kind == "used"))
            rights.append(TheirRight(number, kind, one.changed_at, total, _kept(one)))
    return Page(rights, odd, None, answer.more)


def _wrong(one: _Right, number: str, latest: datetime) -> str | None:
    if not number or one.changed_at.tzinfo is None:
        return EventMalformed.code
    if not is_time(one.changed_at, latest):
        return TimeWrong.code
    return None if 0 <= one.used <= UNITS_MAX else UnitsWrong.code


def _is_number(text: str) -> bool:
    return 0 < len(text) <= NUMBER_MAX and text.isascii() and text.isprintable()


def _kept(one: _Right) -> str:
    """A NUL cannot be kept inside JSON; as text it can."""
    raw = _encode(one)
    return _text(raw) if b"\\u0000" in raw else raw.decode()


def _text(raw: bytes) -> str:
    return _encode(raw.decode(errors="replace")[:RAW_MAX]).decode()
