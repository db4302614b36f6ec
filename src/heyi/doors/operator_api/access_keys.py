"""Access keys of channels, partners and operators: shown once, listed masked, rotated with two live, revoked.

These routes store no answers: the first one of `make` and `rotate` carries the key.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import get, post
from msgspec import Meta

from heyi.doors.access import Caller, allow
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Shape, Short, id_in
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id, to_text
from heyi.offer import partner
from heyi.offer.partner.model import CHANNEL, OPERATOR, PARTNER, PREFIX, RATE_PER_S, RATE_PER_S_MAX, AccessKey, NewKey

KEYS = allow("operator", "keys:write")
ONCE = {"stores_no_answer": True}


class AccessKeyBody(Body):
    """`scopes` left out: all that such a key may have. At most two live keys have the same label."""

    label: Short = "main"
    scopes: Annotated[set[Short], Meta(max_length=20)] | None = None
    rate_per_s: Annotated[int, Meta(ge=1, le=RATE_PER_S_MAX)] = RATE_PER_S
    expires_at: Moment | None = None


class RotateBody(Body):
    """The old key ends after `overlap_s` seconds; left out: when it is revoked."""

    overlap_s: Annotated[int, Meta(ge=0, le=90 * 86400)] | None = None


class AccessKeyShape(Shape):
    """`masked` shows the kind and the last characters. The key itself is nowhere kept."""

    id: str
    holder: str
    label: str
    masked: str
    scopes: list[str]
    rate_per_s: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKeyShape(AccessKeyShape):
    """`key` is shown this once."""

    key: str


def key_shape(key: AccessKey) -> AccessKeyShape:
    prefix = PREFIX[key.holder_kind]
    return AccessKeyShape(
        id=to_text("acc", key.id), holder=to_text(prefix, key.holder_id), label=key.label,
        masked=f"hk_{prefix}_****{key.tail}", scopes=sorted(key.scopes), rate_per_s=key.rate_per_s,
        created_at=key.created_at, expires_at=key.expires_at, revoked_at=key.revoked_at,
    )  # fmt: skip


def new_key_shape(made: NewKey) -> NewKeyShape:
    shown = key_shape(made.key)
    return NewKeyShape(key=made.secret, **{name: getattr(shown, name) for name in shown.__struct_fields__})


async def _make(tools: Tools, caller: Caller, kind: str, holder: UUID, data: AccessKeyBody) -> NewKeyShape:
    async with tools.db.transaction() as tx:
        return new_key_shape(
            await partner.make_access_key(
                tx, kind, holder, label=data.label, scopes=data.scopes, maker_scopes=caller.scopes,
                rate_per_s=data.rate_per_s, expires_at=moment(data.expires_at, "/expires_at"), now=tools.clock.now(),
            )
        )  # fmt: skip


async def _list(
    tools: Tools, kind: str, holder: UUID | None, limit: int, cursor: str | None
) -> Page[AccessKeyShape]:  # fmt: skip
    async with tools.db.reading() as tx:
        found = await partner.list_access_keys(tx, kind, holder, before=before(cursor), most=limit + 1)
    return paged(found, limit, key_shape)


@post("/channels/{channel_id:str}/access_keys", guards=[KEYS], opt=ONCE, summary="Make a channel's key", tags=["keys"])
async def make_channel_key(channel_id: str, data: AccessKeyBody, tools: Tools, caller: Caller) -> NewKeyShape:
    return await _make(tools, caller, CHANNEL, id_in("chn", channel_id), data)


@get("/channels/{channel_id:str}/access_keys", guards=[KEYS], summary="A channel's keys, masked", tags=["keys"])
async def list_channel_keys(
    channel_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[AccessKeyShape]:
    return await _list(tools, CHANNEL, id_in("chn", channel_id), limit, cursor)


@post("/partners/{partner_id:str}/access_keys", guards=[KEYS], opt=ONCE, summary="Make a partner's key", tags=["keys"])
async def make_partner_key(partner_id: str, data: AccessKeyBody, tools: Tools, caller: Caller) -> NewKeyShape:
    return await _make(tools, caller, PARTNER, id_in("prt", partner_id), data)


@get("/partners/{partner_id:str}/access_keys", guards=[KEYS], summary="A partner's keys, masked", tags=["keys"])
async def list_partner_keys(
    partner_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[AccessKeyShape]:
    return await _list(tools, PARTNER, id_in("prt", partner_id), limit, cursor)


@post("/access_keys", guards=[KEYS], opt=ONCE, summary="Make another operator's first key", tags=["keys"])
async def make_operator_key(data: AccessKeyBody, tools: Tools, caller: Caller) -> NewKeyShape:
    """A new operator: `label` says who it is. Nobody hands out scopes that are not their own."""
    return await _make(tools, caller, OPERATOR, new_id(millis(tools.clock.now())), data)


@get("/access_keys", guards=[KEYS], summary="All operators' keys, masked", tags=["keys"])
async def list_operator_keys(tools: Tools, limit: Limit = 50, cursor: Cursor = None) -> Page[AccessKeyShape]:
    return await _list(tools, OPERATOR, None, limit, cursor)


@post("/access_keys/{key_id:str}/rotate", guards=[KEYS], opt=ONCE, summary="A second key beside this one",
      tags=["keys"])  # fmt: skip
async def rotate_key(key_id: str, data: RotateBody, tools: Tools, caller: Caller) -> NewKeyShape:
    overlap = None if data.overlap_s is None else timedelta(seconds=data.overlap_s)
    async with tools.db.transaction() as tx:
        return new_key_shape(
            await partner.rotate_access_key(
                tx, id_in("acc", key_id), overlap=overlap, maker_scopes=caller.scopes, now=tools.clock.now()
            )
        )


@post("/access_keys/{key_id:str}/revoke", guards=[KEYS], opt=ONCE, status_code=204, summary="End a key now",
      tags=["keys"])  # fmt: skip
async def revoke_key(key_id: str, tools: Tools) -> None:
    async with tools.db.transaction() as tx:
        await partner.revoke_access_key(tx, id_in("acc", key_id), now=tools.clock.now())


HANDLERS = [
    make_channel_key, list_channel_keys, make_partner_key, list_partner_keys, make_operator_key, list_operator_keys,
    rotate_key, revoke_key,
]  # fmt: skip
