"""Keyset paging: newest first, `?limit=&cursor=` → {"data": […], "next_cursor"}. Never an offset."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from litestar.params import Parameter

from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import from_text, to_text

T = TypeVar("T")
Row = TypeVar("Row")

Limit = Annotated[int, Parameter(ge=1, le=200, description="rows a page")]
_PLACE = re.compile(r"[0-9]{1,4}")
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
Cursor = Annotated[str | None, Parameter(max_length=200, description="next_cursor of the page before")]


class BadCursor(Refused):
    """The cursor was not made by this API."""

    code, kind = "request.bad_cursor", Kind.INVALID
    zh = "游标 cursor 无效"
    en = "this is not a cursor of ours"


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    data: list[T]
    next_cursor: str | None


def before(cursor: str | None) -> UUID | None:
    """The id that the next page starts below. Raises BadCursor."""
    if not cursor:
        return None
    found = from_text("cur", cursor)
    if found is None:
        raise BadCursor("/cursor")
    return found


def paged(
    rows: Sequence[Row],
    limit: int,
    render: Callable[[Row], Any],
    id_of: Callable[[Row], UUID] = attrgetter("id"),
) -> Page[Any]:
    """A page from `limit + 1` rows: ask the store for one more than the limit, and it knows whether there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(data=[render(row) for row in shown], next_cursor=to_text("cur", id_of(shown[-1])) if more else None)


def before_part(cursor: str | None) -> tuple[UUID, int] | None:
    """For lists whose rows are parts of something: its id, and the last part's place in it. Raises BadCursor."""
    if not cursor:
        return None
    whole, _, place = cursor.rpartition(".")
    found = from_text("cur", whole)
    if found is None or not _PLACE.fullmatch(place):
        raise BadCursor("/cursor")
    return found, int(place)


def paged_by_part(
    rows: Sequence[Row], limit: int, render: Callable[[Row], Any], part_of: Callable[[Row], tuple[UUID, int]]
) -> Page[Any]:
    """A page from `limit + 1` rows that are parts of something: it may end within one, and the next page goes on
    there."""
    shown, next_cursor = rows[:limit], None
    if len(rows) > limit:
        id, place = part_of(shown[-1])
        next_cursor = f"{to_text('cur', id)}.{place}"
    return Page(data=[render(row) for row in shown], next_cursor=next_cursor)


def after_code(cursor: str | None) -> str:
    """For the few lists that have codes and no ids: the code that the next page starts after. Raises BadCursor."""
    if cursor and not _CODE.fullmatch(cursor):
        raise BadCursor("/cursor")
    return cursor or ""


def after_name(cursor: str | None) -> str:
    """The same for dotted names. Raises BadCursor."""
    if cursor and not _NAME.fullmatch(cursor):
        raise BadCursor("/cursor")
    return cursor or ""


def paged_by_code(
    rows: Sequence[Row], limit: int, render: Callable[[Row], Any], code_of: Callable[[Row], str]
) -> Page[Any]:
    """A page from `limit + 1` rows in the order of their codes."""
    shown = rows[:limit]
    return Page(data=[render(row) for row in shown], next_cursor=code_of(shown[-1]) if len(rows) > limit else None)
