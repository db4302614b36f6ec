"""Connector profiles 对接档案: a supplier's dialect as data, edited without a release. Every save is a new version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import CONNECT, Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, after_code, before, paged, paged_by_code
from heyi.doors.shapes import Body, Line, Long, Shape
from heyi.infra.tools import Tools
from heyi.kernel.errors import ManyRefused, Refused
from heyi.provision.fulfilment import differing, profiles
from heyi.provision.fulfilment.errors import ProfileNotFound
from heyi.provision.fulfilment.profiles import Followed, Head, Move, Version

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Document = Annotated[
    dict[str, Any], Meta(description="the profile; GET /v1/operator/profile_schema says what may stand in it")
]
VersionNumber = Annotated[int, Meta(ge=0, le=2**31 - 1, description="0: what heyi or a package brought")]
VersionAsked = Annotated[int | None, Parameter(ge=0, le=2**31 - 1)]


class DraftBody(Body):
    """Checked whole; nothing is stored when anything in it cannot be meant."""

    document: Document
    note: Long = ""


class PublishBody(Body):
    """`even_so`: although accounts could not be used any more (a credential that they lack)."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    why: Line
    even_so: bool = False


class BackBody(Body):
    """`version` null: the one that was followed before this one."""

    why: Line
    version: VersionNumber | None = None
    even_so: bool = False


class HeadShape(Shape):
    """`origin`: shipped, package or stored. `version` is followed; `newest` is the last that was stored (0: none)."""

    code: str
    title: str
    origin: str
    version: int
    newest: int
    beta: bool
    accounts: int


class VersionShape(Shape):
    """`state`: draft, published (followed) or withdrawn. Version 0 has no times."""

    code: str
    version: int
    state: str
    note: str
    made_by: str
    created_at: datetime | None
    published_at: datetime | None


class DocumentShape(VersionShape):
    """A version with its document; null: a package has none."""

    document: dict[str, Any] | None


class UnusableShape(Shape):
    """An account that waits, and why."""

    supplier: str
    why: str


class FollowedShape(Shape):
    """What accounts follow from now on."""

    code: str
    before: int
    after: int
    accounts: int
    unusable: list[UnusableShape]


class MoveShape(Shape):
    """Accounts followed `before` until then, and `after` from then on."""

    before: int
    after: int
    why: str
    moved_by: str
    at: datetime


class DifferenceShape(Shape):
    """One place (a JSON pointer) and what stands there; null: nothing."""

    pointer: str
    before: Any
    after: Any


def _head(one: Head) -> HeadShape:
    return HeadShape(
        code=one.code, title=one.title, origin=one.origin, version=one.version, newest=one.newest, beta=one.beta,
        accounts=one.accounts,
    )  # fmt: skip


def _fields(one: Version) -> dict[str, Any]:
    return {
        "code": one.code, "version": one.version, "state": one.state, "note": one.note, "made_by": one.made_by,
        "created_at": one.created_at, "published_at": one.published_at,
    }  # fmt: skip


def _version(one: Version) -> VersionShape:
    return VersionShape(**_fields(one))


def _document(one: Version) -> DocumentShape:
    return DocumentShape(**_fields(one), document=one.document)


def _followed(one: Followed) -> FollowedShape:
    unusable = [UnusableShape(supplier=code, why=why) for code, why in one.unusable]
    return FollowedShape(
        code=one.code, before=one.before, after=one.after, accounts=one.accounts, unusable=unusable
    )  # fmt: skip


def _move(one: Move) -> MoveShape:
    return MoveShape(before=one.before, after=one.after, why=one.why, moved_by=one.moved_by, at=one.at)


def known_code(code: str) -> str:
    """A code in a path. Raises ProfileNotFound for what cannot be one."""
    if not CODE.fullmatch(code):
        raise ProfileNotFound(value="?", version="?")
    return code


@contextmanager
def pointed(field: str) -> Iterator[None]:
    """Faults of a document point into the body that it came in."""
    try:
        yield
    except ManyRefused as many:
        for fault in many.faults:
            fault.pointer = f"{field}{fault.pointer or ''}"
        raise
    except Refused as refused:
        if refused.pointer == "/code":
            refused.pointer = f"{field}/code"
        raise


@get("/profiles", guards=[READ], summary="Dialects that are data: shipped, stored, brought by packages",
     tags=["profiles"])  # fmt: skip
async def list_profiles(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in code or title")] = None,
) -> Page[HeadShape]:
    async with tools.db.reading() as tx:
        found = await profiles.heads(tx, text=search, after=after_code(cursor), limit=limit + 1)
    return paged_by_code(found, limit, _head, lambda one: one.code)


@get("/profiles/{code:str}", guards=[READ], summary="A version with its document; the followed one by itself",
     tags=["profiles"])  # fmt: skip
async def get_profile(code: str, tools: Tools, version: VersionAsked = None) -> DocumentShape:
    async with tools.db.reading() as tx:
        return _document(await profiles.read(tx, known_code(code), version))


@get("/profiles/{code:str}/versions", guards=[READ], summary="Its stored versions, newest first", tags=["profiles"])
async def list_profile_versions(
    code: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[VersionShape]:
    async with tools.db.reading() as tx:
        found = await profiles.versions(tx, known_code(code), before=before(cursor), limit=limit + 1)
    return paged(found, limit, _version)


@get("/profiles/{code:str}/history", guards=[READ], summary="Which version was followed since when, and why",
     tags=["profiles"])  # fmt: skip
async def list_profile_moves(code: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None) -> Page[MoveShape]:
    async with tools.db.reading() as tx:
        found = await profiles.history(tx, known_code(code), before=before(cursor), limit=limit + 1)
    return paged(found, limit, _move)


@get("/profiles/{code:str}/diff", guards=[READ], summary="What is different between two versions", tags=["profiles"])
async def diff_profile(
    code: str, tools: Tools, after: VersionAsked, former: VersionAsked = None
) -> list[DifferenceShape]:
    """`former` left out: the followed version."""
    async with tools.db.reading() as tx:
        old = await profiles.read(tx, known_code(code), former)
        new = await profiles.read(tx, code, after)
    return [
        DifferenceShape(pointer=one.pointer, before=one.before, after=one.after)
        for one in differing.differences(old.document, new.document)
    ]


@post("/profiles/{code:str}/draft", guards=[WRITE], summary="Store the next version; nobody follows it yet",
      tags=["profiles"])  # fmt: skip
async def draft_profile(
    code: str, data: DraftBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> DocumentShape:
    with pointed("/document"):
        async with tools.db.transaction() as tx:
            return _document(
                await profiles.draft(
                    tx, known_code(code), data.document, note=data.note, by=caller.name, now=tools.clock.now()
                )
            )


@post("/profiles/{code:str}/publish", guards=[CONNECT], status_code=200, summary="Let all accounts follow a version",
      tags=["profiles"])  # fmt: skip
async def publish_profile(
    code: str, data: PublishBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> FollowedShape:
    async with tools.db.transaction() as tx:
        return _followed(
            await profiles.publish(
                tx, tools.sealing, known_code(code), data.version, why=data.why, even_so=data.even_so, by=caller.name,
                now=tools.clock.now(),
            )
        )  # fmt: skip


@post("/profiles/{code:str}/back", guards=[CONNECT], status_code=200,
      summary="Go back to a version that was followed before", tags=["profiles"])  # fmt: skip
async def back_profile(
    code: str, data: BackBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> FollowedShape:
    async with tools.db.transaction() as tx:
        return _followed(
            await profiles.back(
                tx, tools.sealing, known_code(code), data.version, why=data.why, even_so=data.even_so, by=caller.name,
                now=tools.clock.now(),
            )
        )  # fmt: skip


HANDLERS = [
    list_profiles, get_profile, list_profile_versions, list_profile_moves, diff_profile, draft_profile,
    publish_profile, back_profile,
]  # fmt: skip
