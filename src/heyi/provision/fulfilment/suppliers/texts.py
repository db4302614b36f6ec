"""Texts with places: `{outer_number}`, `{cost:yuan}`, `{{` for a brace. Compiled once, filled for every call.

A text that is exactly one place keeps the value's type. A place that has nothing to say is None: its field is left out
of an object, and inside a longer text it is empty.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
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
_PLACE = re.compile(r"\{([^{}]*)\}")


class TextFault(ValueError):
    """A text that means nothing: `value` is the part at fault."""

    def __init__(self, value: str, said: str) -> None:
        super().__init__(said)
        self.value, self.said = value, said


def compile(text: str, known: Collection[str]) -> Fill:
    """The text as a function of what its places stand for. Raises TextFault."""
    parts = [_place(piece, known) if is_place else piece for is_place, piece in _pieces(text)]
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    if all(isinstance(part, str) for part in parts):
        whole = "".join([part for part in parts if isinstance(part, str)])
        return lambda _: whole
    return lambda scope: "".join([part if isinstance(part, str) else written(part(scope)) for part in parts])


def places(text: str) -> set[str]:
    """The names of its places, without filters."""
    return {piece[1:-1].partition(":")[0] for is_place, piece in _pieces(text) if is_place}


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


def _place(piece: str, known: Collection[str]) -> Fill:
    name, *filters = piece[1:-1].split(":")
    family, dot, own = name.partition(".")
    if name not in known and not (dot and own and f"{family}." in known):
        raise TextFault(piece, "there is no such place here")
    for one in filters:
        if one not in FILTERS:
            raise TextFault(piece, f"there is no filter {one}")
    return _filled(_looker(family, own) if dot else _looker(name), [FILTERS[one] for one in filters])


def _looker(name: str, own: str = "") -> Fill:
    if own:
        return lambda scope: scope[name].get(own)
    return lambda scope: scope[name]


def _filled(look: Fill, filters: list[Callable[[Any], Any]]) -> Fill:
    if not filters:
        return look
    if len(filters) == 1:
        (only,) = filters
        return lambda scope: None if (value := look(scope)) is None else only(value)

    def fill(scope: Scope) -> Any:
        value = look(scope)
        for one in filters:
            value = None if value is None else one(value)
        return value

    return fill


def _hashed(name: str) -> Callable[[Any], str]:
    return lambda value: hashlib.new(name, written(value).encode(), usedforsecurity=False).hexdigest()


def _quoted(value: Any) -> Any:
    return [_quoted(one) for one in value] if isinstance(value, list) else quote(written(value), safe="")


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
    "base64": lambda value: base64.b64encode(written(value).encode()).decode(),
    "url": _quoted,
    "decimal": lambda fen: Decimal(fen).scaleb(-2),
    "upper": lambda value: written(value).upper(),
    "lower": lambda value: written(value).lower(),
    "slashes": lambda value: written(value).replace("/", "\\/"),  # as PHP writes JSON
    "chars": lambda value: "".join(sorted(written(value))),
    "md5": _hashed("md5"),
    "sha1": _hashed("sha1"),
    "sha256": _hashed("sha256"),
    "list": _listed,
    "values": lambda value: list(value.values()) if isinstance(value, dict) else value,
}
