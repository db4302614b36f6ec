"""Pure: what may be kept of an exchange with a supplier."""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

import msgspec

from heyi.infra.http import Heard
from heyi.kernel.masking import mask
from heyi.kernel.talk import Answer, Call, Delivered
from heyi.provision.fulfilment.errand import Account, Exchange
from heyi.provision.fulfilment.suppliers.hiding import HIDDEN, Hidden

TEXT_MAX = 4_000  # characters kept of each side of an exchange
SEARCHED_MAX = 2 * TEXT_MAX  # of which fields are searched for: what is hidden leaves room for more
_MASKED_MIN = 4  # shorter secrets would blank out half of the text; known field names cover those
ANSWERED_KEPT = ("content-type", "date", "server", "retry-after", "location", "x-request-id")
# Others that Python knows are codes, not charsets: what they decode to may be no text at all.
CHARSETS = frozenset(
    {"utf-8", "gbk", "gb2312", "gb18030", "big5", "ascii", "iso8859-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"}
)
_CHARSET = re.compile(r"charset=\"?([\w-]+)", re.IGNORECASE)
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)
_encode = msgspec.json.Encoder().encode
NOTHING = Hidden(())
_WORDS = {"NotFound": "not_found"}
_CORE = re.compile(r"[A-Za-z0-9]+")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_GO = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def masked(
    text: str, secrets: Iterable[str], hidden: Hidden, keys: Iterable[str] = (), cards: Iterable[str] = ()
) -> str:  # fmt: skip
    """A side of an exchange as it may be kept: no keys, no card data, of accounts the last digits. `keys` are masked in
    every form in which texts usually carry them. What is too long is cut, and says so at its end."""
    text = text.replace("\x00", "")  # UTF-16, read by somebody who was not told: no name could be found in it
    for key in keys:
        for form in forms(key):
            if form in text:
                text = text.replace(form, HIDDEN)
    for card in sorted(cards, key=len, reverse=True):
        text = _without(text, card, HIDDEN)
    for secret in sorted(secrets, key=len, reverse=True):
        text = _without(text, secret, mask(secret))
    length, text = len(text), hidden.blank(text[:SEARCHED_MAX])
    if length > SEARCHED_MAX or len(text) > TEXT_MAX:
        text = f"{text[:TEXT_MAX]}…[kept {TEXT_MAX} of {length} characters]"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _without(text: str, secret: str, shown: str) -> str:
    if len(secret) < _MASKED_MIN:
        return text
    text = text.replace(secret, shown)
    if secret.isalnum() and secret.isascii():
        return text
    core = max(_CORE.findall(secret), key=len, default="")  # stands in it however it is written
    if core in text:
        for form in _written(secret):
            text = text.replace(form, shown)
    return text


def exchanges(
    account: Account, heard: Sequence[Heard], at: datetime, *, answer: Answer | None = None, known_number: str = "",
    doubtful: bool = False,
) -> tuple[Exchange, ...]:  # fmt: skip
    """What is kept of a talk or look. `answer` is what its last exchange ended in. `doubtful`: the connector is a
    draft, which may call a key what it likes."""
    keys = keys_of(account, doubtful=doubtful)
    cards = [text for pair in answer.cards for text in pair] if isinstance(answer, Delivered) else []
    told = getattr(answer, "supplier_number", None)
    number = told[:200].replace("\x00", "") if told and told != known_number else None
    ends = [False] * (len(heard) - 1) + [answer is not None]
    return tuple([
        _exchange(account, one, keys, cards, at, _verdict(answer) if end else None, number if end else None)
        for one, end in zip(heard, ends, strict=False)
    ])  # fmt: skip


def _exchange(
    account: Account, one: Heard, keys: Sequence[str], cards: Sequence[str], at: datetime, verdict: str | None,
    number: str | None,
) -> Exchange:  # fmt: skip
    hidden, call = account.connector.hidden, one.call

    def kept(text: str) -> str:
        return masked(text, call.secrets, hidden, keys, cards)

    reply = one.reply
    said = None if reply is None else kept(reply.body.decode(charset_of(reply.headers.items()), "replace"))
    theirs = {} if reply is None else {name: reply.headers[name] for name in ANSWERED_KEPT if name in reply.headers}
    return Exchange(
        call.method, kept(call.url), kept(call.body.decode(charset_of_call(call), "replace")),
        None if reply is None else reply.status, said, one.error, one.duration_ms, at,
        kept(_encode(shown_headers(call.headers)).decode()), kept(call.signed),
        kept(_encode(theirs).decode()) if theirs else "{}", verdict, number,
    )  # fmt: skip


def _verdict(answer: Answer | None) -> str | None:
    name = type(answer).__name__
    return None if answer is None else _WORDS.get(name, name.lower())


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by whose names something secret is carried show their last characters only."""
    return {name: mask(value) if _SECRET_HEADER.search(name) else value for name, value in headers.items()}


@lru_cache(maxsize=1024)
def _keys(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if len(value) >= _MASKED_MIN}, key=len, reverse=True))


def keys_of(account: Account, *, doubtful: bool = False) -> tuple[str, ...]:
    """An account's secret credentials. `doubtful`: everything that could be one."""
    called_so = {one.name for one in account.connector.credentials if one.secret}
    return _keys(tuple([
        value for name, value in account.credentials.items() if name in called_so or (doubtful and len(value) > 5)
    ]))  # fmt: skip


@lru_cache(maxsize=1024)
def forms(secret: str) -> frozenset[str]:
    """A secret as it is, and as texts usually carry it."""
    raw = secret.encode()
    digests = {hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")}
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    plain = {secret, secret.upper(), secret.lower(), secret[::-1], "".join(sorted(secret))}
    return frozenset({*plain, *encoded, *_written(secret), *digests, *(one.upper() for one in {*digests, raw.hex()})})


def _written(secret: str) -> set[str]:
    """A text as forms, addresses, JSON (PHP's and Go's too) and XML write it."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for one in list(in_json):
        in_json |= {one.replace("/", "\\/"), one.translate(_GO)}
    if not secret.isascii():
        quoted.add(quote_plus(secret, encoding="gbk", errors="replace"))
    quoted |= {_PERCENT.sub(lambda found: found[0].lower(), one) for one in quoted}
    return quoted | in_json | {escape(secret), escape(secret, quote=False), escape(secret).replace("&#x27;", "&#39;")}


def charset_of(headers: Iterable[tuple[str, str]]) -> str:
    """The charset that a content type names, if it is one that texts are written in."""
    for name, value in headers:
        found = _CHARSET.search(value) if name.lower() == "content-type" else None
        if found:
            try:
                charset = codecs.lookup(found[1]).name
            except (LookupError, ValueError):
                break
            return charset if charset in CHARSETS else "utf-8"
    return "utf-8"


def charset_of_call(call: Call) -> str:
    """The charset that the bytes of a call can be read in."""
    named = charset_of(call.headers.items())
    for charset in (named, "utf-8", "gbk"):
        try:
            call.body.decode(charset)
        except UnicodeDecodeError:
            continue
        return charset
    return named
