"""TypeIDs: a prefix that says what it is, and a UUIDv7 (RFC 9562) whose last ten bits are the lane.

Inside the program and the database an id is a `UUID`; only doors read and write the text form
(`ord_01j…`, TypeID spec 0.3: Crockford base32, lower case, 26 characters). The lane of a buyer-owned row is
hash(channel, buyer) mod 1024: it never changes and travels inside every id, so that one id is enough to find the
shard that holds it.
"""

from __future__ import annotations

import hashlib
import os
from uuid import UUID, SafeUUID

LANES = 1024
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {c: i for i, c in enumerate(_ALPHABET)}


def lane_for(channel: UUID, buyer: str) -> int:
    """The lane of a channel's buyer. Fixed for ever: changing this formula would orphan every stored row."""
    return int.from_bytes(hashlib.blake2b(channel.bytes + buyer.encode(), digest_size=2).digest(), "big") % LANES


def lane_of(id: UUID) -> int:
    """The lane carried in an id's last ten bits."""
    return id.int & (LANES - 1)


def new_ids(now_ms: int, count: int, lane: int | None = None) -> list[UUID]:
    """Fresh UUIDv7s of this millisecond, in ascending order, made from one block of random bytes.

    `lane` None leaves the lane bits random (rows that no buyer owns).
    """
    top = now_ms << 80 | 0x7 << 76 | 0x2 << 62
    block = os.urandom(10 * count)
    keep, lane_bits = (-1, 0) if lane is None else (~(LANES - 1), lane)
    values = []
    for start in range(0, 10 * count, 10):
        noise = int.from_bytes(block[start : start + 10], "big")
        values.append((top | (noise >> 68 & 0xFFF) << 64 | noise & 0x3FFFFFFFFFFFFFFF) & keep | lane_bits)
    values.sort()
    return [_uuid(value) for value in values]


def _uuid(value: int) -> UUID:
    """A UUID without its constructor's checks, which cost more than all the rest: an order needs two dozen."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", value)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def new_id(now_ms: int, lane: int | None = None) -> UUID:
    """One fresh UUIDv7; see `new_ids`."""
    return new_ids(now_ms, 1, lane)[0]


def first_id(at_ms: int) -> UUID:
    """Below every id of this millisecond or later, above all earlier ones: where a look by time begins or ends."""
    return UUID(int=max(0, at_ms) << 80)


def to_text(prefix: str, id: UUID) -> str:
    """The public form of an id: `ord_01j8…`."""
    value = id.int
    pairs = [_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def from_text(prefix: str, text: str) -> UUID | None:
    """The id behind a public form, or None when the text is not an id with that prefix."""
    head, _, tail = text.rpartition("_")
    if head != prefix or len(tail) != 26 or tail[0] > "7":
        return None
    value = 0
    for char in tail:
        digit = _VALUES.get(char)
        if digit is None:
            return None
        value = value << 5 | digit
    return UUID(int=value)
