"""Strings to be signed, and their hashes, in both directions.

One text with places says what is signed: `{time}{sorted}{cred.key}`, `{pairs}&key={cred.key}`. `{body}` is the text
that is sent or was received; `{json}` and `{sorted}` are its fields as compact JSON, in their order or with keys sorted
on every level; `{pairs}` are names and values in a row. The signature's own field is in none of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heyi.provision.fulfilment.suppliers import speech, texts
from heyi.provision.fulfilment.suppliers.pieces import Pairs, Signature

Sign = Callable[["Message", Mapping[str, str]], tuple[str, str]]


class Headers(dict[str, str]):
    """Names without regard to case, as `{header.X-Timestamp}` wants them. Keys are lower-case already."""

    def get(self, name: str, otherwise: Any = None) -> Any:
        return super().get(name.lower(), otherwise)


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed: a request of ours, an answer or a callback of theirs."""

    fields: Mapping[str, Any]
    body: str = ""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=Headers)
    method: str = ""
    path: str = ""
    time: str = ""
    nonce: str = ""


def signer(spec: Signature, charset: str, *, heard: bool = False) -> Sign:
    """(string to be signed, signature) of a message under these credentials; `heard`: of one that came to us. Raises
    ValueError for what has none."""
    charset = spec.charset or charset
    if heard:
        fill = texts.compile(spec.text, texts.HEARD, charset, texts.HEARD_MAX)
    else:
        fill = texts.compile(spec.text, texts.SIGNED, charset)
    key = texts.compile(spec.key, texts.KEYS, charset)
    named, pairs = texts.places(spec.text), spec.pairs or Pairs()
    left_out = frozenset({*spec.exclude, spec.name} if spec.put == "field" else spec.exclude)

    def sign(message: Message, credentials: Mapping[str, str]) -> tuple[str, str]:
        fields = message.fields
        if left_out and not left_out.isdisjoint(fields):
            fields = {name: value for name, value in fields.items() if name not in left_out}
        scope = {
            "cred": credentials, "field": fields, "query": message.query, "header": message.headers,
            "body": message.body, "method": message.method, "path": message.path, "time": message.time,
            "nonce": message.nonce,
            "json": (speech.compact(fields) if fields else "{}") if "json" in named else "",
            "sorted": (speech.sorted_json(fields) if fields else "{}") if "sorted" in named else "",
            "pairs": _row(pairs, fields, message.query, left_out) if "pairs" in named else "",
        }  # fmt: skip
        signed = texts.written(fill(scope))
        told = _hashed(spec, signed.encode(charset), texts.written(key(scope)).encode(charset))
        return signed, told

    return sign


def holds(spec: Signature, sign: Sign, message: Message, credentials: Mapping[str, str]) -> bool:
    """Whether the signature that a message carries is the one that it should have."""
    told = given(spec, message)
    if not told:
        return False
    try:
        mine = sign(message, credentials)[1]
    except (ValueError, TypeError, RecursionError):
        return False
    if not spec.base64:
        mine, told = mine.lower(), told.lower()
    return hmac.compare_digest(mine.encode(), told.encode(errors="replace"))


def given(spec: Signature, message: Message) -> str:
    """The signature that a message carries; empty when there is none."""
    source = {"field": message.fields, "query": message.query, "header": message.headers}[spec.put]
    told = source.get(spec.name)
    return told.strip() if isinstance(told, str) else ""


def value_text(value: object, lists: str = "json") -> str:
    """A field's value as pairs and forms write it."""
    if isinstance(value, list | dict) and lists == "literal":
        return "Array"
    return texts.written(value)


def _row(spec: Pairs, fields: Mapping[str, Any], query: Mapping[str, Any], left_out: frozenset[str]) -> str:
    source: Mapping[str, Any] = fields
    if spec.source != "fields":
        asked = {name: value for name, value in query.items() if name not in left_out}
        source = asked if spec.source == "query" else {**asked, **fields}
    names = spec.order or sorted(source)
    told = [(name, value_text(source.get(name), spec.lists)) for name in names]
    filled = [(name, value) for name, value in told if value.strip()] if spec.skip_empty else told
    return spec.between.join([f"{name}{spec.equals}{value}" for name, value in filled])


def _hashed(spec: Signature, signed: bytes, key: bytes) -> str:
    name = spec.hash.removeprefix("hmac_")
    if spec.hash.startswith("hmac_"):
        digest = hmac.digest(key, signed, name)
    else:
        digest = hashlib.new(name, signed, usedforsecurity=False).digest()
    told = base64.b64encode(digest).decode() if spec.base64 else digest.hex()
    return told.upper() if spec.upper and not spec.base64 else told
