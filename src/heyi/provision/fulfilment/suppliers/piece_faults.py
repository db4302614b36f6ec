"""What cannot be meant in the pieces of a profile: texts, paths, clocks, signatures, cards. Each check is told where it
looks, as a JSON pointer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from heyi.kernel.errors import Refused
from heyi.provision.fulfilment.errors import ProfileClash, ProfileGap, ProfilePlace
from heyi.provision.fulfilment.suppliers import cards, texts
from heyi.provision.fulfilment.suppliers.document import Profile
from heyi.provision.fulfilment.suppliers.pieces import Cards, Cipher, Signature

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
PATH = re.compile(r"[^.]+(\.[^.]+)*")
MOMENT = datetime(2026, 11, 22, 13, 45)


def in_cards(spec: Cards, profile: Profile, at: str) -> Iterator[Refused]:
    for path in (spec.path, spec.number, spec.password):
        yield from in_path(path, at)
    if spec.cipher is not None:
        yield from in_cipher(spec.cipher, profile, f"{at}/cipher")
        if spec.cipher.covers == "whole" and spec.form == "list":
            yield ProfileClash(f"{at}/form", said="what is sealed as a whole is a text, or JSON in one")


def in_cipher(spec: Cipher, profile: Profile, at: str) -> Iterator[Refused]:
    """A literal key must fit; one that an account brings is found out when its first card is opened."""
    yield from in_text(spec.key, profile, f"{at}/key", texts.KEYS)
    yield from in_text(spec.iv, profile, f"{at}/iv", texts.KEYS)
    if spec.name.endswith("cbc") and not spec.iv:
        yield ProfileGap(f"{at}/iv", said="iv")
    if not named([spec.key, spec.iv]):
        try:
            cards.box(spec, spec.key, spec.iv)
        except ValueError as fault:
            yield ProfileClash(f"{at}/key", said=str(fault))


def in_signature(spec: Signature, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    yield from in_text(spec.text, profile, f"{at}/text", known)
    yield from in_text(spec.key, profile, f"{at}/key", texts.KEYS)
    if spec.hash.startswith("hmac_") != bool(spec.key):
        yield ProfileClash(f"{at}/key", said="keyed hashes have a key, others none")
    if spec.put == "header":
        yield from in_headers({spec.name: ""}, f"{at}/name")
    elif not spec.name:
        yield ProfileGap(f"{at}/name", said="name")
    if not any(name.startswith("cred.") for name in named([spec.text, spec.key])):
        yield ProfileGap(f"{at}/text", said="{cred.…}: a signature without a secret is anybody's")


def in_value(value: Any, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    if isinstance(value, str):
        yield from in_text(value, profile, at, known)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from in_value(one, profile, f"{at}/{name.replace('~', '~0').replace('/', '~1')}", known)
            if name == "..." and not (isinstance(one, str) and re.fullmatch(r"\{(others|accounts|fields)\}", one)):
                yield ProfileClash(f"{at}/...", said="{others}, {accounts} or {fields}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from in_value(one, profile, f"{at}/{index}", known)


def in_text(text: str, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    try:
        texts.compile(text, known)
    except texts.TextFault as fault:
        yield ProfilePlace(at, value=fault.value, said=fault.said)
        return
    names = {one.name for one in profile.credentials}
    for place in sorted(texts.places(text)):
        if place.startswith("cred.") and place[5:] not in names:
            yield ProfilePlace(at, value="{" + place + "}", said="there is no such credential")


def in_zone(hours: int, at: str) -> Iterator[Refused]:
    if not -12 <= hours <= 14:
        yield ProfileClash(at, said="-12 to 14")


def in_format(format: str, at: str, *, read: bool) -> Iterator[Refused]:
    """A time that we write; `read`: one that we must understand, to the minute."""
    try:
        told = MOMENT.strftime(format)
        fine = told.isprintable() and bool(told) and (not read or datetime.strptime(told, format) == MOMENT)
    except (ValueError, re.error):
        fine = False
    if not fine:
        yield ProfileClash(
            at, said="a time to the minute, as strptime reads it" if read else "a time, as strftime writes it"
        )


def in_path(path: str, at: str) -> Iterator[Refused]:
    if path and not PATH.fullmatch(path):
        yield ProfileClash(at, said=f"{path} is no path")


def in_headers(headers: dict[str, str], at: str) -> Iterator[Refused]:
    for name, text in headers.items():
        if re.search(r"[\x00-\x1f\x7f]", text):
            yield ProfileClash(f"{at}/{name}", said="a header is one line")
        if not HEADER.fullmatch(name) or name.lower() in ("host", "content-length", "transfer-encoding"):
            yield ProfileClash(at, said=f"{name!r} cannot be sent as a header")


def named(value: Any) -> set[str]:
    if isinstance(value, str):
        return {name for name, *_ in filtered(value)}
    ones = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in ones for name in named(one)}


def filtered(text: str) -> list[list[str]]:
    """The places of a text; of one that cannot be read none, for it is a fault already."""
    try:
        return texts.filtered(text)
    except texts.TextFault:
        return []
