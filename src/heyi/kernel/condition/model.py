"""Words of conditions: types, fields and their catalogue, and the tree that a form is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

DEPTH_MAX = 8  # operators inside each other
SIZE_MAX = 200  # operators, fields and constants of one form, the members of lists too
TEXT_CHARS_MAX = 200
INTEGER_MAX = 10**15
DAYS_MAX = 36_500
YEAR_MAX = 2200


class Type(str, Enum):
    """What a field holds. The values handed to a condition are plain Python: str, int, Money, aware datetime,
    timedelta, bool, frozenset of str.
    """

    TEXT = "text"
    WORD = "word"  # one of an open list: a word that nobody listed is no fault, unless the field is closed
    INTEGER = "integer"
    MONEY = "money"
    TIME = "time"
    DURATION = "duration"
    BOOLEAN = "boolean"
    SET = "set"  # of texts


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a condition may look at. A boolean's titles read as a statement ("the video is activated"), and
    `denial` says the opposite, in Chinese and English.

    `words` name the values of a WORD: {"wechat": ("微信", "WeChat")}; a `closed` field has no others. `currency`: the
    only one that a MONEY is ever in.
    """

    name: str
    type: Type
    zh: str
    en: str
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    closed: bool = False
    denial: tuple[str, str] | None = None
    currency: str | None = None


class Catalogue:
    """The fields that a form may name, and the zone in which its days and clock times count.

    Whoever has fields by pattern overrides `find`.
    """

    def __init__(self, fields: Mapping[str, Field] | None = None, zone: ZoneInfo | None = None) -> None:
        self.fields = dict(fields or {})
        self.zone = zone or ZoneInfo("Asia/Shanghai")

    def find(self, name: str) -> Field | None:
        return self.fields.get(name)


@dataclass(frozen=True, slots=True)
class Window:
    """When something counts: all that is given must hold. `clock` (from, to) may go over midnight; `weekdays` are 1
    (Monday) to 7, those of the moment itself; `since` and `until` are moments, the second one not included.
    """

    clock: tuple[time, time] | None = None
    weekdays: frozenset[int] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        local = at.astimezone(zone)
        if self.weekdays and local.isoweekday() not in self.weekdays:
            return False
        if (self.since is not None and at < self.since) or (self.until is not None and at >= self.until):
            return False
        if self.clock is None:
            return True
        begin, end = self.clock
        now = local.time()
        return begin <= now < end if begin < end else now >= begin or now < end


@dataclass(frozen=True, slots=True)
class Ref:
    """A field."""

    field: Field
    at: str

    @property
    def type(self) -> Type:
        return self.field.type


@dataclass(frozen=True, slots=True)
class Const:
    """A constant, read as the type that its operator wants; for `in` a tuple of them, for `within` a Window."""

    type: Type
    value: object
    at: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operator with its operands."""

    op: str
    args: tuple[Tree, ...]
    type: Type
    at: str


Tree = Ref | Const | Op


class Leaf(NamedTuple):
    """A comparison that decided: where it stands in the form, and what it said (None: not evaluated)."""

    pointer: str
    value: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition says of some values: yes, no, or None (not evaluated: something that decides was missing).

    `because` are the leaves that decided; `missing` the fields for whose lack it was not evaluated.
    """

    value: bool | None
    because: tuple[Leaf, ...]
    missing: tuple[str, ...]
