"""Benefits: what partners give, by kind, and how it may be used."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.operator_api.partners import READ, WRITE, Search
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, CodeWord, Line, Long, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Validity
from heyi.offer import catalog, partner
from heyi.offer.catalog.model import DAYS_MAX, FIELDS_MAX, PATTERN_CHARS_MAX, UNITS_MAX, Benefit, Properties

Kind = Literal["card_key", "top_up", "link", "physical", "voucher", "service"]


class ValidityBody(Body):
    """`days` from `start`, or a fixed `until`; neither: no end."""

    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None
    start: Literal["payment", "delivery", "activation"] = "delivery"
    until: Moment | None = None


class AccountFieldBody(Body):
    """Something that must be known of the buyer's account there. `pattern` must match the whole of it."""

    name: CodeWord
    label: Line
    pattern: Annotated[
        str, Meta(min_length=1, max_length=PATTERN_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]+$")
    ]


class PropertiesBody(Body):
    """`fields`: top_up (at least one), physical, service. `units`: voucher. `link`: link, an http(s) template in which
    {entitlement}, {order} and {item} are filled in. `routing`: how one of several supplier offers is chosen, for those
    that may cost as much as the version allows and whose supplier can buy; weights decide between equals.
    """

    validity: ValidityBody = msgspec.field(default_factory=ValidityBody)
    fields: Annotated[list[AccountFieldBody], Meta(max_length=FIELDS_MAX)] = []
    how_to_use: Long = ""
    units: Annotated[int, Meta(ge=1, le=UNITS_MAX)] = 1
    link: Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+$")] | None = (
        None
    )
    routing: Literal["priority", "price", "success", "speed"] = "priority"


class BenefitBody(Body):
    code: CodeWord
    partner: Short
    kind: Kind
    title: Line
    market_price: MoneyBody
    properties: PropertiesBody = msgspec.field(default_factory=PropertiesBody)


class BenefitPatch(Body):
    """What is left out stays; `properties` are given whole. Versions already published keep what they had."""

    title: Line | None = None
    market_price: MoneyBody | None = None
    properties: PropertiesBody | None = None


class ValidityShape(Shape):
    days: int | None
    start: str
    until: datetime | None


class AccountFieldShape(Shape):
    name: str
    label: str
    pattern: str


class PropertiesShape(Shape):
    validity: ValidityShape
    fields: list[AccountFieldShape]
    how_to_use: str
    units: int
    link: str | None
    routing: str


class BenefitShape(Shape):
    id: str
    code: str
    partner: str
    kind: str
    title: str
    market_price: MoneyShape
    properties: PropertiesShape
    state: str
    created_at: datetime | None
    updated_at: datetime | None


def benefit_shape(benefit: Benefit) -> BenefitShape:
    properties, validity = benefit.properties, benefit.properties.validity
    return BenefitShape(
        id=to_text("ben", benefit.id), code=benefit.code, partner=to_text("prt", benefit.partner_id),
        kind=benefit.kind, title=benefit.title, market_price=money(benefit.market_price),
        properties=PropertiesShape(
            validity=ValidityShape(days=validity.days, start=validity.start, until=validity.until),
            fields=[AccountFieldShape(name=f.name, label=f.label, pattern=f.pattern) for f in properties.fields],
            how_to_use=properties.how_to_use, units=properties.units, link=properties.link,
            routing=properties.routing,
        ),
        state=benefit.state, created_at=benefit.created_at, updated_at=benefit.updated_at,
    )  # fmt: skip


def properties_in(body: PropertiesBody) -> Properties:
    validity = body.validity
    until = moment(validity.until, "/properties/validity/until")
    return Properties(
        Validity(validity.days, validity.start, until),
        tuple(AccountField(f.name, f.label, f.pattern) for f in body.fields),
        body.how_to_use, body.units, body.link, body.routing,
    )  # fmt: skip


def money_in(body: MoneyBody) -> Money:
    return Money(body.amount_minor, body.currency)


@post("/benefits", guards=[WRITE], summary="Add a benefit of a partner", tags=["benefits"])
async def make_benefit(data: BenefitBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> BenefitShape:
    partner_id, properties = id_in("prt", data.partner), properties_in(data.properties)
    async with tools.db.transaction() as tx:
        await partner.read_party(tx, "partner", partner_id)
        return benefit_shape(
            await catalog.benefits.make(
                tx, code=data.code, partner_id=partner_id, kind=data.kind, title=data.title,
                market_price=money_in(data.market_price), properties=properties, now=tools.clock.now(),
            )
        )  # fmt: skip


@get("/benefits", guards=[READ], summary="Benefits, newest first", tags=["benefits"])
async def list_benefits(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Search = None,
    of_partner: Annotated[str | None, Parameter(query="partner", max_length=64)] = None,
    kind: Kind | None = None,
) -> Page[BenefitShape]:
    async with tools.db.reading() as tx:
        found = await catalog.benefits.search(
            tx, search=search, partner_id=None if of_partner is None else id_in("prt", of_partner), kind=kind,
            before=before(cursor), most=limit + 1,
        )  # fmt: skip
    return paged(found, limit, benefit_shape)


@get("/benefits/{benefit_id:str}", guards=[READ], summary="One benefit", tags=["benefits"])
async def get_benefit(benefit_id: str, tools: Tools) -> BenefitShape:
    async with tools.db.reading() as tx:
        return benefit_shape(await catalog.benefits.read(tx, id_in("ben", benefit_id)))


@patch("/benefits/{benefit_id:str}", guards=[WRITE], summary="Change a benefit for versions to come",
       tags=["benefits"])  # fmt: skip
async def change_benefit(benefit_id: str, data: BenefitPatch, tools: Tools) -> BenefitShape:
    async with tools.db.transaction() as tx:
        return benefit_shape(
            await catalog.benefits.change(
                tx, id_in("ben", benefit_id), title=data.title,
                market_price=None if data.market_price is None else money_in(data.market_price),
                properties=None if data.properties is None else properties_in(data.properties), now=tools.clock.now(),
            )
        )  # fmt: skip


@post("/benefits/{benefit_id:str}/withdraw", guards=[WRITE], status_code=200,
      summary="Stop selling a benefit, for good", tags=["benefits"])  # fmt: skip
async def withdraw_benefit(benefit_id: str, tools: Tools, idempotency_key: IdempotencyKey = None) -> BenefitShape:
    async with tools.db.transaction() as tx:
        return benefit_shape(
            await catalog.benefits.withdraw(tx, id_in("ben", benefit_id), now=tools.clock.now())
        )  # fmt: skip


HANDLERS = [make_benefit, list_benefits, get_benefit, change_benefit, withdraw_benefit]
