"""Channels: the apps and shops that sell through the open API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from litestar import get, patch, post

from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api import access_keys
from heyi.doors.operator_api.partners import MOVES, READ, WRITE, Search
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, CodeWord, Line, Shape, id_in
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.offer import partner
from heyi.offer.partner.model import CHANNEL, Party


class ChannelBody(Body):
    code: CodeWord
    title: Line


class ChannelPatch(Body):
    """What is left out stays. A suspended channel's keys open nothing."""

    title: Line | None = None
    state: Literal["active", "suspended"] | None = None


class ChannelShape(Shape):
    id: str
    code: str
    title: str
    state: str
    created_at: datetime


def channel_shape(party: Party) -> ChannelShape:
    return ChannelShape(
        id=to_text("chn", party.id), code=party.code, title=party.title, state=party.state, created_at=party.created_at
    )  # fmt: skip


@post("/channels", guards=[WRITE], summary="Add a channel", tags=["channels"])
async def make_channel(data: ChannelBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> ChannelShape:
    async with tools.db.transaction() as tx:
        return channel_shape(
            await partner.make_party(tx, CHANNEL, code=data.code, title=data.title, now=tools.clock.now())
        )


@get("/channels", guards=[READ], summary="Channels, newest first", tags=["channels"])
async def list_channels(
    tools: Tools, limit: Limit = 50, cursor: Cursor = None, search: Search = None
) -> Page[ChannelShape]:
    async with tools.db.reading() as tx:
        found = await partner.list_parties(tx, CHANNEL, search=search, before=before(cursor), most=limit + 1)
    return paged(found, limit, channel_shape)


@get("/channels/{channel_id:str}", guards=[READ], summary="One channel", tags=["channels"])
async def get_channel(channel_id: str, tools: Tools) -> ChannelShape:
    async with tools.db.reading() as tx:
        return channel_shape(await partner.read_party(tx, CHANNEL, id_in("chn", channel_id)))


@patch("/channels/{channel_id:str}", guards=[WRITE], summary="Change, suspend or resume a channel", tags=["channels"])
async def change_channel(channel_id: str, data: ChannelPatch, tools: Tools) -> ChannelShape:
    async with tools.db.transaction() as tx:
        return channel_shape(
            await partner.change_party(
                tx, CHANNEL, id_in("chn", channel_id), title=data.title, move=MOVES[data.state]
            )
        )  # fmt: skip


HANDLERS = [make_channel, list_channels, get_channel, change_channel, *access_keys.HANDLERS]
