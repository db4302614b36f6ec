"""A supplier is a talk: a pure generator that yields calls and ends in one of five ways. Silence is not "no".

The driver in infra/http performs the calls and records both sides; talks know nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, exactly as it goes out: `body` is the bytes that were signed.

    `secrets` are strings to be masked in the recorded call (keys, signatures, card codes). `signed` is the string
    that was signed, for people who look why a signature does not hold; it is masked like the rest.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: tuple[str, ...] = ()
    signed: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, undecoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Cure(str, Enum):
    """What may help after a definite no."""

    OTHER_OFFER = "other_offer"
    ASK_BUYER = "ask_buyer"  # wrong account: back to waiting_for_buyer
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Done. `cards` are (code, secret) pairs when the supplier hands over card keys; cost in minor units."""

    supplier_number: str | None = None
    cards: tuple[tuple[str, str], ...] = ()
    cost_minor: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The supplier works on it; ask again later."""

    supplier_number: str | None = None
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """Refused before acceptance: nothing was bought."""

    why: str
    cure: Cure
    supplier_number: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Accepted, then failed for good: the supplier gave the money back."""

    why: str
    cure: Cure
    supplier_number: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """A query's answer: the supplier does not know our number (yet). Counts as declined only after the grace."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Time-out, 5xx, unreadable, unmapped: only a query with our own number settles it; never bought again."""

    why: str


Answer = Delivered | Accepted | Declined | Failed | NotFound | Unknown

# A look changes nothing at the other side (a balance, a page of products); a talk is about one purchase of ours.
Look = Generator[Call, Reply, T]
Talk = Look[Answer]
