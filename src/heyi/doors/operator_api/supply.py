"""heyi as a supplier: keys for those who buy in a standard of theirs, and which bundles each standard can say.

Routes that show a secret store no answers; it is shown this once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.operator_api.access_keys import KEYS, ONCE
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.operator_api.partners import READ, Search
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, MoneyShape, Shape, Short, id_in, money, problem_of
from heyi.flows import supply
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.offer import partner
from heyi.offer.partner.model import CHANNEL, RATE_PER_S, RATE_PER_S_MAX, NewSupplyKey, SupplyKey
from heyi.offer.partner.standards import GOOFISH

Standard = Literal["goofish", "dujiao_next"]
Ips = Annotated[list[Short], Meta(max_length=50, description="addresses or networks; empty: from anywhere")]
Rate = Annotated[int, Meta(ge=1, le=RATE_PER_S_MAX)]
Secret = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$(?!\n)")]
AppId = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$(?!\n)", description="闲管家's number of its application")]
Wanted = Annotated[Standard | None, Parameter(query="standard", description="only of this standard")]


class SupplyKeyBody(Body):
    """`app_id` and `app_secret` are 闲管家's own, for the standard goofish only. At most two live keys a standard."""

    standard: Standard
    label: Short = "main"
    app_id: AppId | None = None
    app_secret: Secret | None = None
    ips: Ips = []
    rate_per_s: Rate = RATE_PER_S
    expires_at: Moment | None = None


class SupplyKeyPatch(Body):
    """What is left out stays."""

    label: Short | None = None
    ips: Ips | None = None
    rate_per_s: Rate | None = None


class SupplyRotateBody(Body):
    """The old key ends after `overlap_s` seconds; left out: when it is revoked. `app_secret`: 闲管家's new one."""

    overlap_s: Annotated[int, Meta(ge=0, le=90 * 86400)] | None = None
    app_secret: Secret | None = None


class SupplyKeyShape(Shape):
    """`key` is what the other system calls itself (闲管家: AppKey or mch_id), `address` what it calls (its gateway)."""

    id: str
    channel: str
    standard: str
    label: str
    key: str
    address: str
    app_id: str | None
    ips: list[str]
    rate_per_s: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewSupplyKeyShape(SupplyKeyShape):
    """`secret` is shown this once (闲管家: AppSecret or mch_secret)."""

    secret: str


class SupplyGoodsShape(Shape):
    """`sold`: the bundle can be bought so, as `kind` cards or account, under `number` where things go by number; else
    `reason` says what the standard has no words for. `stock` null: no card keys of our own are needed."""

    bundle: str
    code: str
    title: str
    price: MoneyShape
    sold: bool
    kind: str | None
    number: int
    stock: int | None
    fields: list[str]
    reason: dict[str, str] | None


def _key(tools: Tools, one: SupplyKey) -> SupplyKeyShape:
    url = tools.settings.public_url
    return SupplyKeyShape(
        id=to_text("spk", one.id), channel=to_text("chn", one.channel_id), standard=one.standard, label=one.label,
        key=one.key, address=f"{url}/supply/goofish/{one.key}" if one.standard == GOOFISH else url,
        app_id=one.app_id, ips=list(one.ips), rate_per_s=one.rate_per_s, created_at=one.created_at,
        expires_at=one.expires_at, revoked_at=one.revoked_at,
    )  # fmt: skip


def _new(tools: Tools, made: NewSupplyKey) -> NewSupplyKeyShape:
    shown = _key(tools, made.key)
    fields: dict[str, Any] = {name: getattr(shown, name) for name in shown.__struct_fields__}
    return NewSupplyKeyShape(secret=made.secret, **fields)


def _goods(line: supply.Line) -> SupplyGoodsShape:
    bundle, answer = line.bundle, line.answer
    refused = answer if isinstance(answer, Refused) else None
    return SupplyGoodsShape(
        bundle=to_text("bnd", bundle.id), code=bundle.code, title=bundle.title, price=money(bundle.price),
        sold=refused is None, kind=None if isinstance(answer, Refused) else answer.kind, number=line.number,
        stock=bundle.stock, fields=[] if isinstance(answer, Refused) else [name for name, _ in answer.fields],
        reason=problem_of(refused),
    )  # fmt: skip


@post("/channels/{channel_id:str}/supply_keys", guards=[KEYS], opt=ONCE, tags=["supply"],
      summary="A key with which the channel's system buys in a standard of its own")  # fmt: skip
async def make_supply_key(channel_id: str, data: SupplyKeyBody, tools: Tools) -> NewSupplyKeyShape:
    async with tools.db.transaction() as tx:
        made = await partner.supply.make(
            tx, tools.sealing, id_in("chn", channel_id), data.standard, label=data.label, app_id=data.app_id,
            app_secret=data.app_secret, ips=data.ips, rate_per_s=data.rate_per_s,
            expires_at=moment(data.expires_at, "/expires_at"), now=tools.clock.now(),
        )  # fmt: skip
    return _new(tools, made)


@get("/channels/{channel_id:str}/supply_keys", guards=[KEYS], tags=["supply"],
     summary="A channel's supply keys, newest first")  # fmt: skip
async def list_supply_keys(
    channel_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None, search: Search = None,
    standard: Wanted = None,
) -> Page[SupplyKeyShape]:  # fmt: skip
    async with tools.db.reading() as tx:
        found = await partner.supply.listed(
            tx, id_in("chn", channel_id), standard=standard, search=search, before=before(cursor), most=limit + 1
        )
    return paged(found, limit, lambda one: _key(tools, one))


@patch("/supply_keys/{supply_key_id:str}", guards=[KEYS], tags=["supply"],
       summary="Change a supply key's label, addresses or rate")  # fmt: skip
async def change_supply_key(supply_key_id: str, data: SupplyKeyPatch, tools: Tools) -> SupplyKeyShape:
    async with tools.db.transaction() as tx:
        return _key(
            tools,
            await partner.supply.change(
                tx, id_in("spk", supply_key_id), label=data.label, ips=data.ips, rate_per_s=data.rate_per_s,
                now=tools.clock.now(),
            ),
        )  # fmt: skip


@post("/supply_keys/{supply_key_id:str}/rotate", guards=[KEYS], opt=ONCE, tags=["supply"],
      summary="A second key beside this one")  # fmt: skip
async def rotate_supply_key(supply_key_id: str, data: SupplyRotateBody, tools: Tools) -> NewSupplyKeyShape:
    overlap = None if data.overlap_s is None else timedelta(seconds=data.overlap_s)
    async with tools.db.transaction() as tx:
        made = await partner.supply.rotate(
            tx, tools.sealing, id_in("spk", supply_key_id), overlap=overlap, app_secret=data.app_secret,
            now=tools.clock.now(),
        )  # fmt: skip
    return _new(tools, made)


@post("/supply_keys/{supply_key_id:str}/revoke", guards=[KEYS], opt=ONCE, status_code=204, tags=["supply"],
      summary="End a supply key now")  # fmt: skip
async def revoke_supply_key(supply_key_id: str, tools: Tools) -> None:
    async with tools.db.transaction() as tx:
        await partner.supply.revoke(tx, id_in("spk", supply_key_id), now=tools.clock.now())


@get("/channels/{channel_id:str}/supply_goods", guards=[READ], tags=["supply"],
     summary="What a channel may sell by a standard, and why not the rest; newest first")  # fmt: skip
async def list_supply_goods(
    channel_id: str, tools: Tools, standard: Standard, limit: Limit = 50, cursor: Cursor = None, search: Search = None,
) -> Page[SupplyGoodsShape]:  # fmt: skip
    id, below, word = id_in("chn", channel_id), before(cursor), (search or "").lower()
    async with tools.db.reading() as tx:
        await partner.read_party(tx, CHANNEL, id)
    found = [
        line for line in await supply.lines(tools, standard, id)
        if (below is None or line.bundle.id < below) and word in f"{line.bundle.code} {line.bundle.title}".lower()
    ]  # fmt: skip
    return paged(found[: limit + 1], limit, _goods, lambda line: line.bundle.id)


HANDLERS = [make_supply_key, list_supply_keys, change_supply_key, rotate_supply_key, revoke_supply_key,
            list_supply_goods]  # fmt: skip
