"""Pieces of a profile that stand in several places of it: credentials, clocks, signatures, cards."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Charset = Literal["utf-8", "gbk"]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a profile: closed, so that a misspelt name is a fault and not silence."""


class Credential(Part, frozen=True, kw_only=True):
    """What an account at this supplier needs. Those that are secret are masked wherever they are kept or shown."""

    name: str
    label: str
    secret: bool = True


class Clock(Part, frozen=True, kw_only=True):
    """How `{time}` is written: milliseconds, seconds, or a text in their zone."""

    unit: Literal["ms", "s", "text"] = "ms"
    format: str = "%Y-%m-%d %H:%M:%S"
    zone_hours: int = 8


class Pairs(Part, frozen=True, kw_only=True):
    """`{pairs}` in a text to be signed: names and values in a row.

    `order` fixes names (others are left out); without it they are sorted. Lists and objects are signed as JSON, or
    as PHP casts them: the literal `Array`.
    """

    source: Literal["fields", "query", "both"] = "fields"
    order: list[str] = []
    equals: str = "="
    between: str = "&"
    skip_empty: bool = False
    lists: Literal["json", "literal"] = "json"


class Signature(Part, frozen=True, kw_only=True):
    """`text` is what is hashed. `put` and `name` say where the signature stands, on its way out and on its way in.

    `exclude` are fields that are not signed (its own never is); keyed hashes take `key`.
    """

    text: str
    hash: Literal["md5", "sha1", "sha256", "hmac_md5", "hmac_sha1", "hmac_sha256"]
    key: str = ""
    upper: bool = False
    base64: bool = False
    put: Literal["header", "query", "field"] = "field"
    name: str
    exclude: list[str] = []
    pairs: Pairs | None = None
    charset: Charset | None = None


class Cipher(Part, frozen=True, kw_only=True):
    """Cards may come encrypted. The key is a text; `key_form` says how its bytes are written."""

    name: Literal["aes-ecb", "aes-cbc", "3des-ecb", "3des-cbc"]
    key: str
    key_form: Literal["text", "hex", "base64"] = "text"
    iv: str = ""
    coding: Literal["base64", "hex"] = "base64"
    covers: Literal["whole", "number", "password", "both"] = "password"


class Cards(Part, frozen=True, kw_only=True):
    """Where cards are in an order. A list of objects, or one text: `whole` takes it as one card however many lines it
    has; otherwise each line is one. `between` separates number and password within a text. A text with a phrase of
    `waiting` in it is no card yet."""

    path: str
    number: str = ""
    password: str = ""
    form: Literal["list", "text", "json_text"] = "list"
    whole: bool = False
    between: list[str] = []
    waiting: list[str] = []
    cipher: Cipher | None = None
