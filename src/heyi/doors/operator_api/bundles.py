"""Bundles, their versions, when they are sold, and to whom at which price."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, patch, post, put
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.operator_api.partners import READ, WRITE, Search
from heyi.doors.operator_api.version_shapes import VersionBody, VersionShape, document_in, version_shape
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import AmountMinor, Body, CodeWord, Line, Shape, id_in
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.offer import catalog, partner
from heyi.offer.catalog.errors import VersionNotFound
from heyi.offer.catalog.model import Bundle

VERSION_MAX = 1_000_000
Below = Annotated[int | None, Parameter(ge=1, le=VERSION_MAX, description="versions below this number")]


class BundleBody(Body):
    code: CodeWord
    title: Line


class BundlePatch(Body):
    title: Line


class SaleWindowBody(Body):
    """Sold while sale_from <= now < sale_to; null: open."""

    sale_from: Moment | None
    sale_to: Moment | None


class ChannelPriceBody(Body):
    """In the currency of the version."""

    price_minor: AmountMinor


class BundleShape(Shape):
    id: str
    code: str
    title: str
    state: str
    current_version: int | None
    sale_from: datetime | None
    sale_to: datetime | None
    created_at: datetime | None


class ChannelPriceShape(Shape):
    channel: str
    price_minor: Annotated[int, Meta(ge=0)]


def bundle_shape(bundle: Bundle) -> BundleShape:
    return BundleShape(
        id=to_text("bnd", bundle.id), code=bundle.code, title=bundle.title, state=bundle.state,
        current_version=bundle.current_version, sale_from=bundle.sale_from, sale_to=bundle.sale_to,
        created_at=bundle.created_at,
    )  # fmt: skip


def prices_shape(prices: dict[UUID, int]) -> list[ChannelPriceShape]:
    return [ChannelPriceShape(channel=to_text("chn", id), price_minor=price) for id, price in prices.items()]


def number_in(version: int) -> int:
    """A version's number in a path. Raises VersionNotFound for one that cannot be."""
    if not 1 <= version <= VERSION_MAX:
        raise VersionNotFound
    return version


@post("/bundles", guards=[WRITE], summary="Add a bundle", tags=["bundles"])
async def make_bundle(data: BundleBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> BundleShape:
    async with tools.db.transaction() as tx:
        return bundle_shape(
            await catalog.bundles.make(tx, code=data.code, title=data.title, now=tools.clock.now())
        )  # fmt: skip


@get("/bundles", guards=[READ], summary="Bundles, newest first", tags=["bundles"])
async def list_bundles(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Search = None,
    in_state: Annotated[Literal["draft", "on_sale", "withdrawn"] | None, Parameter(query="state")] = None,
) -> Page[BundleShape]:
    async with tools.db.reading() as tx:
        found = await catalog.bundles.search(
            tx, search=search, state=in_state, before=before(cursor), most=limit + 1
        )  # fmt: skip
    return paged(found, limit, bundle_shape)


@get("/bundles/{bundle_id:str}", guards=[READ], summary="One bundle", tags=["bundles"])
async def get_bundle(bundle_id: str, tools: Tools) -> BundleShape:
    async with tools.db.reading() as tx:
        return bundle_shape(await catalog.bundles.read(tx, id_in("bnd", bundle_id)))


@patch("/bundles/{bundle_id:str}", guards=[WRITE], summary="Give a bundle another title", tags=["bundles"])
async def change_bundle(bundle_id: str, data: BundlePatch, tools: Tools) -> BundleShape:
    async with tools.db.transaction() as tx:
        return bundle_shape(await catalog.bundles.change(tx, id_in("bnd", bundle_id), title=data.title))


@put("/bundles/{bundle_id:str}/sale_window", guards=[WRITE], summary="Say when it is sold", tags=["bundles"])
async def set_sale_window(bundle_id: str, data: SaleWindowBody, tools: Tools) -> BundleShape:
    window = (moment(data.sale_from, "/sale_from"), moment(data.sale_to, "/sale_to"))
    async with tools.db.transaction() as tx:
        return bundle_shape(await catalog.bundles.change(tx, id_in("bnd", bundle_id), window=window))


@post("/bundles/{bundle_id:str}/withdraw", guards=[WRITE], status_code=200, summary="Stop selling all its versions",
      tags=["bundles"])  # fmt: skip
async def withdraw_bundle(bundle_id: str, tools: Tools, idempotency_key: IdempotencyKey = None) -> BundleShape:
    async with tools.db.transaction() as tx:
        return bundle_shape(await catalog.bundles.move(tx, id_in("bnd", bundle_id), "withdraw"))


@post("/bundles/{bundle_id:str}/put_on_sale", guards=[WRITE], status_code=200, summary="Sell it again",
      tags=["bundles"])  # fmt: skip
async def put_bundle_on_sale(bundle_id: str, tools: Tools, idempotency_key: IdempotencyKey = None) -> BundleShape:
    async with tools.db.transaction() as tx:
        return bundle_shape(await catalog.bundles.move(tx, id_in("bnd", bundle_id), "put_on_sale"))


@get("/bundles/{bundle_id:str}/prices", guards=[READ], summary="Who pays another price", tags=["bundles"])
async def list_prices(bundle_id: str, tools: Tools) -> list[ChannelPriceShape]:
    async with tools.db.transaction() as tx:
        return prices_shape(await catalog.bundles.channel_prices(tx, id_in("bnd", bundle_id)))


@put("/bundles/{bundle_id:str}/prices/{channel_id:str}", guards=[WRITE], summary="Give a channel its own price",
     tags=["bundles"])  # fmt: skip
async def set_price(bundle_id: str, channel_id: str, data: ChannelPriceBody, tools: Tools) -> list[ChannelPriceShape]:
    bundle, channel = id_in("bnd", bundle_id), id_in("chn", channel_id)
    async with tools.db.transaction() as tx:
        await partner.read_party(tx, "channel", channel)
        return prices_shape(await catalog.bundles.set_channel_price(tx, bundle, channel, data.price_minor))


@delete("/bundles/{bundle_id:str}/prices/{channel_id:str}", guards=[WRITE], status_code=200,
        summary="The version's price again", tags=["bundles"])  # fmt: skip
async def drop_price(bundle_id: str, channel_id: str, tools: Tools) -> list[ChannelPriceShape]:
    bundle, channel = id_in("bnd", bundle_id), id_in("chn", channel_id)
    async with tools.db.transaction() as tx:
        return prices_shape(await catalog.bundles.set_channel_price(tx, bundle, channel, None))


@post("/bundles/{bundle_id:str}/versions", guards=[WRITE], summary="Draft a version", tags=["versions"])
async def draft_version(
    bundle_id: str, data: VersionBody, tools: Tools, idempotency_key: IdempotencyKey = None
) -> VersionShape:
    async with tools.db.transaction() as tx:
        drafted = await catalog.bundles.draft(
            tx, id_in("bnd", bundle_id), document_in(data), now=tools.clock.now()
        )  # fmt: skip
    return version_shape(drafted, tools.settings.zone)


@get("/bundles/{bundle_id:str}/versions", guards=[READ], summary="A bundle's versions, newest first",
     tags=["versions"])  # fmt: skip
async def list_versions(bundle_id: str, tools: Tools, limit: Limit = 50, below: Below = None) -> list[VersionShape]:
    async with tools.db.transaction() as tx:
        found = await catalog.bundles.versions(tx, id_in("bnd", bundle_id), before=below, most=limit)
    return [version_shape(version, tools.settings.zone) for version in found]


@get("/bundles/{bundle_id:str}/versions/{version:int}", guards=[READ], summary="One version", tags=["versions"])
async def get_version(bundle_id: str, version: int, tools: Tools) -> VersionShape:
    async with tools.db.reading() as tx:
        found = await catalog.bundles.version(tx, id_in("bnd", bundle_id), number_in(version))
    return version_shape(found, tools.settings.zone)


@post("/bundles/{bundle_id:str}/versions/{version:int}/publish", guards=[WRITE], status_code=200,
      summary="Check a draft whole and sell it", tags=["versions"])  # fmt: skip
async def publish_version(
    bundle_id: str, version: int, tools: Tools, idempotency_key: IdempotencyKey = None
) -> VersionShape:
    """Every fault is named, with a pointer into the version."""
    async with tools.db.transaction() as tx:
        published = await catalog.bundles.publish(
            tx, id_in("bnd", bundle_id), number_in(version), now=tools.clock.now()
        )  # fmt: skip
    return version_shape(published, tools.settings.zone)


@post("/bundles/{bundle_id:str}/versions/{version:int}/withdraw", guards=[WRITE], status_code=200,
      summary="Stop selling a version", tags=["versions"])  # fmt: skip
async def withdraw_version(
    bundle_id: str, version: int, tools: Tools, idempotency_key: IdempotencyKey = None
) -> VersionShape:
    async with tools.db.transaction() as tx:
        moved = await catalog.bundles.move_version(tx, id_in("bnd", bundle_id), number_in(version), "withdraw")
    return version_shape(moved, tools.settings.zone)


@post("/bundles/{bundle_id:str}/versions/{version:int}/put_on_sale", guards=[WRITE], status_code=200,
      summary="Sell a withdrawn version again", tags=["versions"])  # fmt: skip
async def put_version_on_sale(
    bundle_id: str, version: int, tools: Tools, idempotency_key: IdempotencyKey = None
) -> VersionShape:
    async with tools.db.transaction() as tx:
        moved = await catalog.bundles.move_version(tx, id_in("bnd", bundle_id), number_in(version), "put_on_sale")
    return version_shape(moved, tools.settings.zone)


HANDLERS = [
    make_bundle, list_bundles, get_bundle, change_bundle, set_sale_window, withdraw_bundle, put_bundle_on_sale,
    list_prices, set_price, drop_price, draft_version, list_versions, get_version, publish_version, withdraw_version,
    put_version_on_sale,
]  # fmt: skip
