"""Reading a profile: its shape, then everything in it that cannot be meant, each with a JSON pointer."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from heyi.kernel.errors import ManyRefused, Refused
from heyi.provision.fulfilment.errors import ProfileShape
from heyi.provision.fulfilment.suppliers.document import Profile
from heyi.provision.fulfilment.suppliers.faults import faults

__all__ = ["Profile", "faults", "read", "written"]

BYTES_MAX = 64 * 1024  # as it comes, and as it is written
DEPTH_MAX = 32
_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Profile)}
_AT = re.compile(r" - at `\$(.*)`$")


def read(raw: bytes | dict[str, Any]) -> Profile:
    """The profile that these bytes (or this decoded object) are. Raises ManyRefused with every fault that was found."""
    told = _object(raw)
    found = _shape(told)
    if found:
        raise ManyRefused(found)
    profile = msgspec.convert(told, Profile)
    found = faults(profile)
    if not found and len(written(profile)) > BYTES_MAX:
        found = [ProfileShape("", said=f"more than {BYTES_MAX} bytes")]
    if found:
        raise ManyRefused(found)
    return profile


def written(profile: Profile) -> bytes:
    """The document, as `read` reads it: what says nothing new is left out."""
    return msgspec.json.format(msgspec.json.encode(profile), indent=2)


def _object(raw: bytes | dict[str, Any]) -> dict[str, Any]:
    told: Any = raw
    if isinstance(raw, bytes):
        if len(raw) > BYTES_MAX:
            raise ManyRefused([ProfileShape("", said=f"more than {BYTES_MAX} bytes")])
        try:
            told = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise ManyRefused([ProfileShape("", said=str(fault))]) from fault
    if not isinstance(told, dict):
        raise ManyRefused([ProfileShape("", said="expected an object")])
    if _deep(told):
        raise ManyRefused([ProfileShape("", said=f"deeper than {DEPTH_MAX} levels")])
    return told


def _deep(told: dict[str, Any]) -> bool:
    """Whether anything lies deeper than what readers of a profile go down to."""
    level: list[Any] = [told]
    for _ in range(DEPTH_MAX):
        level = [
            inner for one in level if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]  # fmt: skip
    return any(isinstance(one, dict | list) for one in level)


def _shape(told: dict[str, Any]) -> list[Refused]:
    """One fault at most in each of its parts: msgspec tells the first."""
    found: list[Refused] = [ProfileShape(f"/{name}", said="unknown field") for name in told if name not in _FIELDS]
    for name, field in _FIELDS.items():
        if name not in told:
            if field.required:
                found.append(ProfileShape(f"/{name}", said="required"))
            continue
        try:
            msgspec.convert(told[name], field.type)
        except (msgspec.ValidationError, RecursionError) as fault:
            found.append(_shape_fault(name, str(fault)))
    return found


def _shape_fault(name: str, said: str) -> Refused:
    at = _AT.search(said)
    inner = at[1].replace("[...]", "").replace("[", "/").replace("]", "").replace(".", "/") if at else ""
    return ProfileShape(f"/{name}{inner}", said=_AT.sub("", said))
