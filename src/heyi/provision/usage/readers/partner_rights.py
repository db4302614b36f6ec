"""The protocol that the simulator speaks: `GET {base_url}/rights?since=&limit=&outer=`, key in X-Partner-Key.

The answer is `{"rights": [{"outer_no", "order_no", "product", "state", "changed_at"}], "more"}`, oldest change first;
the last `changed_at` is the next `since`. States: delivered, activated, used, expired, cancelled; any other word makes
the whole page unreadable, so that a new one is noticed instead of skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec

from heyi.kernel.talk import Call, Look, Reply
from heyi.provision.usage.lists import Page, TheirRight
from heyi.provision.usage.model import Kind

LIMIT = 500
SOME_MAX = 50
STATES: dict[str, Kind] = {
    "delivered": "pending", "activated": "activated", "used": "used", "expired": "expired", "cancelled": "cancelled",
}  # fmt: skip
NUMBER_MAX = 64


class _Right(msgspec.Struct):
    outer_no: str
    state: str
    changed_at: datetime
    order_no: str = ""
    product: str = ""
    used: int = 0


class _Answer(msgspec.Struct):
    rights: list[_Right]
    more: bool = False


_decode = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


def page(base_url: str, key: str, cursor: str | None) -> Look[Page]:
    since = "" if cursor is None else f"&since={quote(cursor, safe='')}"
    reply = yield _call(f"{base_url}/rights?limit={LIMIT}{since}", key)
    return _page(reply, cursor)


def some(base_url: str, key: str, numbers: Sequence[str]) -> Look[Page]:
    named = quote(",".join(numbers), safe=",")
    reply = yield _call(f"{base_url}/rights?limit={LIMIT}&outer={named}", key)
    return _page(reply, None)


def _call(url: str, key: str) -> Call:
    return Call("GET", url, {"X-Partner-Key": key, "Accept": "application/json"}, secrets=(key,))


def _page(reply: Reply, cursor: str | None) -> Page:
    if reply.status != 200:
        return Page(problem=f"status {reply.status}")
    try:
        answer = _decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return Page(problem=f"unreadable: {str(fault)[:200]}")
    for one in answer.rights:
        if one.state not in STATES or one.changed_at.tzinfo is None or not _is_number(one.outer_no):
            return Page(problem=f"unreadable: state {one.state[:40]!r} of {one.outer_no[:40]!r}")
    rights = [
        TheirRight(
            one.outer_no, STATES[one.state], one.changed_at, max(one.used, int(one.state == "used")),
            _encode(one).decode(),
        )
        for one in answer.rights
    ]  # fmt: skip
    last = answer.rights[-1].changed_at.isoformat() if answer.rights else cursor
    if answer.more and last == cursor:
        return Page(problem="unreadable: more to come, and no way to it")
    return Page(rights, last, answer.more)


def _is_number(text: str) -> bool:
    return 0 < len(text) <= NUMBER_MAX and text.isascii() and text.isprintable()
