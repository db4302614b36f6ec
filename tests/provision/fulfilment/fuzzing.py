"""What strangers may send: bytes, numbers without end, JSON without bottom, wrong charsets, and good messages bent."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from heyi.kernel.clock import millis
from heyi.provision.fulfilment.suppliers import SHIPPED, Callback, reading
from heyi.provision.fulfilment.suppliers.canonical import Headers, Message, signer

T = TypeVar("T")
# `HEYI_FUZZ=50 pytest …` looks fifty times as long.
TIMES = int(os.environ.get("HEYI_FUZZ", "1"))
CODES = sorted(SHIPPED)


def quick(examples: int) -> Any:
    """The same examples every time, unless it looks for long."""
    return settings(
        max_examples=examples * TIMES, derandomize=TIMES == 1, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def examples_of(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Examples for a test that has to wait for what becomes of each."""
    found: list[T] = []

    @quick(count)
    @given(one=strategy)
    def draw(one: T) -> None:
        found.append(one)

    draw()
    return found


STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**30, 10**60), st.just(10**400), st.floats(),
    st.text(max_size=20), st.sampled_from(["", "\x00", "\ud800", "99999999999999999999", "1e999", "NaN", "-1", "成功"]),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip


def deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def written(fields: Any, format: str, charset: str) -> bytes:
    """Fields as bytes of a format; what cannot be written is written somehow."""
    if format in ("form", "query"):
        pairs = {str(name): value if isinstance(value, str) else dumped(value) for name, value in fields.items()}
        return urlencode(pairs, encoding=charset, errors="replace").encode()
    if format == "xml":
        return ("<r>" + "".join(_element(name, value) for name, value in fields.items()) + "</r>").encode(
            charset, "replace"
        )
    return dumped(fields).encode(charset, "replace")


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _element(name: Any, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>" + "".join(_element(n, v) for n, v in value.items()) + f"</{name}>"
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    return f"<{name}>{escape(value if isinstance(value, str) else dumped(value))}</{name}>"


def put(fields: Any, path: str, value: Any) -> Any:
    """A copy with something at a path."""
    if not path:
        return value
    head, _, rest = path.partition(".")
    if head.isdecimal():
        return [put({}, rest, value)]
    base = dict(fields) if isinstance(fields, dict) else {}
    base[head] = put(base.get(head, {}), rest, value)
    return base


def signed(
    code: str, credentials: dict[str, str], path: str, outer: Any, at: datetime, more: dict[str, Any]
) -> Callback:  # fmt: skip
    """A callback of a shipped profile whose signature holds and which is fresh, with whatever else in it; without a
    signature where such a thing cannot be signed."""
    calling = SHIPPED[code].callback
    if calling is None or calling.signature is None:
        return Callback({}, "", written(more, "json", "utf-8"))
    spec, charset, format = calling.signature, calling.charset, calling.format
    fields = put({**more}, calling.outer, outer)
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    if calling.fresh is not None:
        where, name = _place(calling.fresh.text)
        clock = _clock(calling.fresh, at)
        if where == "field":
            fields = put(fields, name, clock)
        elif where == "query":
            query[name] = clock
        else:
            headers[name.lower()] = clock
    body = written(fields, format, charset)
    read = reading.decoded(body, format, charset)
    try:
        message = Message(read or {}, body.decode(charset, "replace"), query, Headers(headers), "POST", path)
        signature = signer(spec, charset, heard=True)(message, credentials)[1]
    except (ValueError, TypeError, RecursionError):
        return Callback(headers, "", body)
    if spec.put == "field":
        body = written({**fields, spec.name: signature}, format, charset)
    elif spec.put == "query":
        query[spec.name] = signature
    else:
        headers[spec.name.lower()] = signature
    return Callback(headers, urlencode(query), body)


def signed_answer(told: Any, credentials: dict[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    """The same answer with a signature that holds, where it can be signed."""
    body = written(fields, told.format, told.charset)
    try:
        message = Message(reading.decoded(body, told.format, told.charset) or {}, body.decode(told.charset))
        return {
            **fields,
            told.signature.name: signer(told.signature, told.charset, heard=True)(message, credentials)[1],
        }
    except (ValueError, TypeError, RecursionError):
        return fields


def _place(text: str) -> tuple[str, str]:
    where, _, name = text.strip("{}").partition(".")
    return where, name.partition(":")[0]


def _clock(spec: Any, at: datetime) -> str:
    if spec.unit == "text":
        return at.astimezone(timezone(timedelta(hours=spec.zone_hours))).strftime(spec.format)
    return str(millis(at) if spec.unit == "ms" else millis(at) // 1000)


RAW = st.one_of(
    st.binary(max_size=200), st.sampled_from([b"", b"null", b"[]", b"{}", b"<a/>", b"a=b&a=c", b"\xff\xfe\x00", b"0"]),
    st.integers(1, 5000).map(deep), st.dictionaries(st.text(max_size=8), STRANGE, max_size=5).map(dumped).map(
        lambda text: text.encode("utf-8", "replace")
    ),
)  # fmt: skip


@st.composite
def bent(draw: Any, whole: bytes) -> bytes:
    """Bytes that were good once: cut, doubled, a byte changed, something put in."""
    at = draw(st.integers(0, max(0, len(whole) - 1)))
    how = draw(st.sampled_from(["cut", "change", "insert", "double", "swap"]))
    if how == "cut":
        return whole[:at]
    if how == "double":
        return whole + whole
    if how == "insert":
        return whole[:at] + draw(st.binary(min_size=1, max_size=4)) + whole[at:]
    if how == "swap":
        return whole.replace(b":", b",", 1) if draw(st.booleans()) else whole[::-1]
    return whole[:at] + bytes([draw(st.integers(0, 255))]) + whole[at + 1 :]


async def knock(app: Any, path: str, callback: Callback) -> tuple[int, str]:
    """POST a callback as bytes that no well-behaved client would send."""
    heads = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
             for name, value in callback.headers.items()]  # fmt: skip
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", 
        "query_string": callback.query.encode("latin-1", "replace"),
        "headers": [*heads, (b"content-length", b"%d" % len(callback.body))], "client": ("127.0.0.1", 1),
        "server": ("heyi", 80),
    }  # fmt: skip
    said: list[Any] = []
    asked = iter([{"type": "http.request", "body": callback.body, "more_body": False}])

    async def receive() -> Any:
        return next(asked, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(one.get("body", b"") for one in said[1:]).decode()
