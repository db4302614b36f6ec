"""Refusals: what heyi says when it will not do something.

A refusal has a stable code (`stock.sold_out`), a kind, and a sentence in Chinese and English; only doors know which
HTTP status a kind becomes. Each context declares its own in `errors.py`; the class docstring says when it happens.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What sort of refusal it is."""

    INVALID = "invalid"  # the question is malformed
    UNPROCESSABLE = "unprocessable"  # well formed, and it cannot be meant
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # not in this state, or not any more
    PAYMENT = "payment"  # not enough money
    FORBIDDEN = "forbidden"
    UNAUTHORISED = "unauthorised"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"  # try again later


class Refused(Exception):
    """Base of every coded refusal. `zh` and `en` are sentences with {named} places filled from `facts`.

    `pointer` is the JSON pointer of the field at fault ("/buyer/phone"), or None when no single field is.
    """

    code: ClassVar[str]
    kind: ClassVar[Kind]
    zh: ClassVar[str]
    en: ClassVar[str]

    def __init__(self, pointer: str | None = None, **facts: object) -> None:
        self.pointer = pointer
        self.facts = facts
        super().__init__(self.code)

    def sentence(self, language: str) -> str:
        """The sentence in "zh" or "en", with its places filled."""
        return (self.zh if language == "zh" else self.en).format(**self.facts)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence('en')}"


class ManyRefused(Refused):
    """Several faults found in one look at the same thing; each keeps its own code and pointer."""

    code, kind = "request.faults", Kind.UNPROCESSABLE
    zh = "发现 {count} 处问题"
    en = "{count} faults were found"

    def __init__(self, faults: list[Refused]) -> None:
        super().__init__(count=len(faults))
        self.faults = faults
