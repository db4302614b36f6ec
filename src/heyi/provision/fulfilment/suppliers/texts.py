"""Texts with places: `{outer_number}`, `{cost:yuan}`, `{{` for a brace. Compiled once, filled for every call.

A text that is exactly one place keeps the value's type. A place that has nothing to say is None: its field is left out
of an object, and inside a longer text it is empty. Filters that make bytes of a text use the charset of the request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from heyi.kernel.money import decimal
from heyi.provision.fulfilment.suppliers import speech

Scope = Mapping[str, Any]
Fill = Callable[[Scope], Any]

# What a request's texts may name; those that end with a dot are followed by a name of the profile's or benefit's own.
SENT = frozenset({
    "outer_number", "supplier_number", "product_no", "quantity", "cost", "kind", "callback_url", "account", "others",
    "accounts", "accounts.", "cred.", "time", "sent_time", "nonce", "word", "page", "page_size", "fields",
})  # fmt: skip
# What a text to be signed may name, on either way.
SIGNED = frozenset({
    "cred.", "time", "nonce", "method", "path", "body", "json", "sorted", "pairs", "field.", "query.", "header.",
})  # fmt: skip
HEARD = SIGNED - {"time", "nonce"}
KEYS = frozenset({"cred."})
FILTERS_MAX = 3  # of one place: each may make a text longer
SENT_MAX = 64 * 1024  # characters of a text that goes out, or is signed on its way out
HEARD_MAX = 4 * 1024 * 1024  # of one that came: their lists of products are long
# What a credential may go through: whatever comes of it is known to those that mask it (masking.forms).
OF_SECRETS = frozenset({
    (), *((name,) for name in ("text", "number", "upper", "lower", "chars", "url", "base64", "md5", "sha1", "sha256")),
    *((name, "upper") for name in ("md5", "sha1", "sha256")),
})  # fmt: skip
_PLACE = re.compile(r"\{([^{}]*)\}")


class TextFault(ValueError):
    """A text that means nothing: `value` is the part at fault."""

    def __init__(self, value: str, said: str) -> None:
        super().__init__(said)
        self.value, self.said = value, said


class TooLong(ValueError):
    """A filled text that nobody means to send."""


def compile(text: str, known: Collection[str], charset: str = "utf-8", most: int = SENT_MAX) -> Fill:
    """The text as a function of what its places stand for; TooLong when it has more than `most` characters then.
    Raises TextFault."""
    parts = [_place(piece, known, charset, most) if is_place else piece for is_place, piece in _pieces(text)]
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    if all(isinstance(part, str) for part in parts):
        whole = "".join([part for part in parts if isinstance(part, str)])
        return lambda _: whole
    return lambda scope: "".join(_joined(parts, scope, most))


def bounded(text: str, most: int = SENT_MAX) -> str:
    """The text itself. Raises TooLong."""
    if len(text) > most:
        raise TooLong
    return text


def _joined(parts: list[str | Fill], scope: Scope, most: int) -> Iterator[str]:
    left = most
    for part in parts:
        told = bounded(part if isinstance(part, str) else written(part(scope)), left)
        left -= len(told)
        yield told


def places(text: str) -> set[str]:
    """The names of its places, without filters."""
    return {name for name, *_ in filtered(text)}


def filtered(text: str) -> list[list[str]]:
    """Its places, each as its name and its filters."""
    return [piece[1:-1].split(":") for is_place, piece in _pieces(text) if is_place]


def written(value: object) -> str:
    """A value inside a longer text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else speech.compact(value) if isinstance(value, dict | list) else str(value)


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Literals and `{places}`, in turn; a literal brace is written twice."""
    pieces: list[tuple[bool, str]] = []
    at, rest = 0, text.replace("{{", "\x01").replace("}}", "\x02")
    for found in _PLACE.finditer(rest):
        pieces += [(False, rest[at : found.start()]), (True, found[0])]
        at = found.end()
    pieces.append((False, rest[at:]))
    for is_place, piece in pieces:
        if not is_place and ("{" in piece or "}" in piece):
            raise TextFault(piece, "a brace is not closed")
    return [(place, piece.replace("\x01", "{").replace("\x02", "}")) for place, piece in pieces if piece]


def _place(piece: str, known: Collection[str], charset: str, most: int) -> Fill:
    name, *filters = piece[1:-1].split(":")
    family, dot, own = name.partition(".")
    if name not in known and not (dot and own and f"{family}." in known):
        raise TextFault(piece, "there is no such place here")
    for one in filters:
        if one not in FILTERS and one not in CODED:
            raise TextFault(piece, f"there is no filter {one}")
    if len(filters) > FILTERS_MAX:
        raise TextFault(piece, f"at most {FILTERS_MAX} filters")
    if family == "cred" and tuple(filters) not in OF_SECRETS:
        raise TextFault(piece, "a credential goes out as it is, hashed, or through one filter that can be masked")
    steps = [FILTERS[one] if one in FILTERS else _coded(CODED[one], charset) for one in filters]
    return _filled(_looker(family, own) if dot else _looker(name), steps, most)


def _looker(name: str, own: str = "") -> Fill:
    if own:
        return lambda scope: scope[name].get(own)
    return lambda scope: scope[name]


def _filled(look: Fill, filters: list[Callable[[Any], Any]], most: int) -> Fill:
    if not filters:
        return look

    def fill(scope: Scope) -> Any:
        value = look(scope)
        for one in filters:
            value = None if value is None else one(value)
            if isinstance(value, str):
                bounded(value, most)
        return value

    return fill


def _coded(make: Callable[[Any, str], Any], charset: str) -> Callable[[Any], Any]:
    return lambda value: make(value, charset)


def _hashed(name: str) -> Callable[[Any, str], str]:
    return lambda value, charset: hashlib.new(name, written(value).encode(charset), usedforsecurity=False).hexdigest()


def _quoted(value: Any, charset: str) -> Any:
    if isinstance(value, list):
        return [_quoted(one, charset) for one in value]
    return quote(written(value), safe="", encoding=charset, errors="strict")


def _listed(value: Any) -> Any:
    return value.listed() if isinstance(value, Named) else value


class Named(dict[str, str]):
    """The buyer's accounts by name; `pair` are the names that a list of them uses."""

    def __init__(self, pair: tuple[str, str], given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.pair = pair

    def listed(self) -> list[dict[str, str]]:
        name, value = self.pair
        return [{name: own, value: told} for own, told in self.items()]


FILTERS: dict[str, Callable[[Any], Any]] = {
    "yuan": decimal,
    "number": lambda value: speech.number_of(written(value)),
    "text": written,
    "json": speech.compact,
    "decimal": lambda fen: Decimal(fen).scaleb(-2),
    "upper": lambda value: written(value).upper(),
    "lower": lambda value: written(value).lower(),
    "slashes": lambda value: written(value).replace("/", "\\/"),  # as PHP writes JSON
    "chars": lambda value: "".join(sorted(written(value))),
    "list": _listed,
    "values": lambda value: list(value.values()) if isinstance(value, dict) else value,
}
# Those that make bytes of a text first.
CODED: dict[str, Callable[[Any, str], Any]] = {
    "base64": lambda value, charset: base64.b64encode(written(value).encode(charset)).decode(),
    "url": _quoted,
    "md5": _hashed("md5"),
    "sha1": _hashed("sha1"),
    "sha256": _hashed("sha256"),
}
