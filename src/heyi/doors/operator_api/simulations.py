"""What would happen, when: a version's delivery flows with a sample order. Nothing is written."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import post
from msgspec import Meta

from heyi.doors.operator_api.bundles import number_in
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.operator_api.partners import READ
from heyi.doors.shapes import Accounts, Body, CodeWord, Shape, Short, id_in
from heyi.infra.tools import Tools
from heyi.offer import catalog
from heyi.offer.catalog.model import COMPONENTS_MAX
from heyi.offer.catalog.sample import HAPPENINGS_MAX, Happening

Chosen = Annotated[list[CodeWord], Meta(max_length=COMPONENTS_MAX)]


class HappeningBody(Body):
    """Something that happens to a component: the buyer asks for it (`asked`), activates it, redeems a unit of it, it
    ends; or its next delivery from then on fails. `chosen`: he chooses this `option` of a group that was left open.
    """

    component: CodeWord
    what: Literal["chosen", "asked", "activated", "redeemed", "ended", "delivery_fails"]
    at: Moment
    option: CodeWord | None = None


class SampleBody(Body):
    """An order that nobody places. `paid_at` null: now. `channel`: for its price, and for conditions about it."""

    channel: Short | None = None
    quantity: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 1
    paid_at: Moment | None = None
    accounts: Accounts = {}
    choices: Annotated[dict[CodeWord, Chosen], Meta(max_length=50)] = {}
    happenings: Annotated[list[HappeningBody], Meta(max_length=HAPPENINGS_MAX)] = []


class StepShape(Shape):
    """One line of the story, in words (zh, en). `what`: passed (a node, by a branch), told (a notice), waits, chosen,
    delivered, delivery_failed, needs_person, cancelled, ended (a right), happens, cannot_happen. `item` counts a
    component's items from 1; lines about all of them have none.
    """

    at: datetime
    component: str
    item: int | None
    what: str
    words: dict[str, str]
    node: str | None
    branch: str | None


class SampleItemShape(Shape):
    """Where an item is when nothing more happens by itself, and since when."""

    component: str
    item: int
    state: str
    since: datetime | None


class SimulationShape(Shape):
    steps: list[StepShape]
    items: list[SampleItemShape]


@post("/bundles/{bundle_id:str}/versions/{version:int}/simulate", guards=[READ], status_code=200,
      opt={"stores_no_answer": True}, summary="What would happen to a sample order, and when", tags=["versions"],
      description="Drafts and published versions. Nothing is written; suppliers deliver at once unless said otherwise.",
      )  # fmt: skip
async def simulate_version(bundle_id: str, version: int, data: SampleBody, tools: Tools) -> SimulationShape:
    now = tools.clock.now()
    happenings = [
        Happening(one.component, one.what, moment(one.at, f"/happenings/{place}/at") or now, one.option)
        for place, one in enumerate(data.happenings)
    ]
    async with tools.db.rehearsal() as tx:
        steps, items = await catalog.rehearsing.rehearse(
            tx, id_in("bnd", bundle_id), number_in(version),
            channel_id=None if data.channel is None else id_in("chn", data.channel), quantity=data.quantity,
            paid_at=moment(data.paid_at, "/paid_at") or now, accounts=data.accounts, choices=data.choices,
            happenings=happenings, now=now, zone=tools.settings.zone,
        )  # fmt: skip
    return SimulationShape(
        steps=[
            StepShape(at=s.at, component=s.component, item=s.item, what=s.what, words=s.words, node=s.node,
                      branch=s.branch)
            for s in steps
        ],
        items=[msgspec.convert(msgspec.to_builtins(one), SampleItemShape) for one in items],
    )  # fmt: skip


HANDLERS = [simulate_version]
