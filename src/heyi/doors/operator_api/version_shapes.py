"""A version of a bundle as it is written and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from heyi.doors.operator_api.moments import Moment
from heyi.doors.shapes import Body, CodeWord, Line, MoneyBody, MoneyShape, Shape
from heyi.kernel.ids import to_text
from heyi.offer import catalog
from heyi.offer.catalog import graphs
from heyi.offer.catalog.graphs import NOTICE_CHARS_MAX
from heyi.offer.catalog.model import COMPONENTS_MAX, NODES_MAX, WEIGHT_MAX, Component, Document, Group, Version

Role = Literal["core", "frequent", "surprise"]
Event = Literal["activated", "redeemed", "ended", "failed"]
Options = Annotated[list[CodeWord], Meta(max_length=COMPONENTS_MAX)]
NoticeText = Annotated[
    str, Meta(min_length=1, max_length=NOTICE_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$(?!\n)")
]
# Bounds of the type only: what a number may be is said when the version is published, with all its other faults.
Number = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Weight = Annotated[int, Meta(ge=0, le=WEIGHT_MAX)]


class NoticeBody(Body):
    """A text in both languages."""

    zh: NoticeText
    en: NoticeText


class NodeBody(Body, omit_defaults=True):
    """A step of a delivery graph: do deliver, cancel, wait (for date, days, component, buyer), condition (if), notify,
    split or (in a choice group) choose. It leads on by then, else, unknown (a condition that could not be evaluated)
    and failed (a delivery).
    """

    do: Literal["deliver", "cancel", "wait", "condition", "notify", "split", "choose"]
    for_: Literal["date", "days", "component", "buyer"] | None = msgspec.field(name="for", default=None)
    at: Moment | None = None
    days: Number | None = None
    from_: Literal["payment", "here"] | None = msgspec.field(name="from", default=None)
    times: Number | None = None
    component: CodeWord | None = None
    event: Event | None = None
    within_days: Number | None = None
    if_: Annotated[dict[str, Any], Meta(max_length=2, description="a condition: {op, args}")] | None = msgspec.field(
        name="if", default=None
    )
    default: Options | None = None
    title: NoticeBody | None = None
    message: NoticeBody | None = None
    then: CodeWord | None = None
    else_: CodeWord | None = msgspec.field(name="else", default=None)
    unknown: CodeWord | None = None
    failed: CodeWord | None = None


class DeliveryBody(Body, omit_defaults=True):
    """A graph (`start`, `nodes`), or a short word for one: `when` is now · at (at) · after_days (days) · monthly
    (times) · after (component, event, within_days, otherwise) · ask (when the buyer asks) · for a choice group that may
    be left open, choose (within_days, default).
    """

    when: Literal["now", "at", "after_days", "monthly", "after", "ask", "choose"] | None = None
    at: Moment | None = None
    days: Number | None = None
    times: Number | None = None
    component: CodeWord | None = None
    event: Event | None = None
    within_days: Number | None = None
    otherwise: Literal["deliver", "cancel"] | None = None
    default: Options | None = None
    start: CodeWord | None = None
    nodes: Annotated[dict[CodeWord, NodeBody], Meta(max_length=NODES_MAX)] | None = None


class ComponentBody(Body):
    """A benefit in the bundle. Its share of the price is a `weight`, or an explicit `share_minor`, for all its units
    together. `accounts` maps the benefit's field names to the order's account names. `cost_limit_minor`: what one unit
    may cost at a supplier (left out: as much as its dearest active offer).
    """

    code: CodeWord
    benefit: CodeWord
    role: Role = "core"
    quantity: Number = 1
    weight: Weight | None = None
    share_minor: Weight | None = None
    delivery: DeliveryBody | None = None
    accounts: Annotated[dict[CodeWord, CodeWord], Meta(max_length=50)] = {}
    cost_limit_minor: Weight | None = None


class GroupBody(Body):
    """A choice of `pick` different options; the weight (or share) is that of each slot, options have none. With a
    `delivery` that ends in a choice, an order may leave it open: until a deadline, when `default` is taken.
    """

    code: CodeWord
    title: Line
    pick: Number
    options: Annotated[list[ComponentBody], Meta(max_length=COMPONENTS_MAX)]
    role: Role = "core"
    weight: Weight | None = None
    share_minor: Weight | None = None
    delivery: DeliveryBody | None = None


class VersionBody(Body):
    """`sold_out`: what becomes of an order when a card key is missing: its item waits for stock, or it is refused."""

    price: MoneyBody
    components: Annotated[list[ComponentBody], Meta(max_length=COMPONENTS_MAX)] = []
    groups: Annotated[list[GroupBody], Meta(max_length=20)] = []
    sold_out: Literal["wait", "refuse"] = "wait"


class NodeShape(Shape):
    """A node of the delivery graph as it is drawn: in words (zh, en), and where each of its branches leads."""

    name: str
    do: str
    words: dict[str, str]
    branches: dict[str, str]


class ComponentShape(Shape):
    """`delivery_in_words` is null and `delivery_nodes` is empty while the graph has faults. The start comes first."""

    code: str
    benefit: str
    role: str
    quantity: int
    weight: int | None
    share_minor: int | None
    delivery: dict[str, Any]
    delivery_in_words: dict[str, str] | None
    delivery_nodes: list[NodeShape]
    accounts: dict[str, str]
    cost_limit_minor: int | None


class GroupShape(Shape):
    code: str
    title: str
    pick: int
    options: list[ComponentShape]
    role: str
    weight: int | None
    share_minor: int | None
    delivery: dict[str, Any] | None
    delivery_in_words: dict[str, str] | None
    delivery_nodes: list[NodeShape]


class VersionShape(Shape):
    bundle: str
    version: int
    state: str
    price: MoneyShape
    sold_out: str
    components: list[ComponentShape]
    groups: list[GroupShape]
    created_at: datetime
    published_at: datetime | None


def document_in(body: VersionBody) -> Document:
    components = tuple(_component_in(c, c.role) for c in body.components)
    groups = tuple(
        Group(g.code, g.title, g.pick, tuple(_component_in(o, g.role) for o in g.options), g.role, g.weight,
              g.share_minor, {} if g.delivery is None else msgspec.to_builtins(g.delivery))
        for g in body.groups
    )  # fmt: skip
    return Document(body.price.amount_minor, body.price.currency, components, groups, body.sold_out)


def _component_in(body: ComponentBody, role: str) -> Component:
    delivery = {} if body.delivery is None else msgspec.to_builtins(body.delivery)
    return Component(
        body.code, body.benefit, role, body.quantity, body.weight, body.share_minor, delivery, dict(body.accounts),
        body.cost_limit_minor,
    )  # fmt: skip


def version_shape(version: Version, zone: ZoneInfo) -> VersionShape:
    document = version.document
    titles = document.titles
    return VersionShape(
        bundle=to_text("bnd", version.bundle_id), version=version.version, state=version.state,
        price=MoneyShape(amount_minor=document.price_minor, currency=document.currency), sold_out=document.sold_out,
        components=[_component_shape(c, zone, titles) for c in document.components],
        groups=[_group_shape(g, zone, titles) for g in document.groups],
        created_at=version.created_at, published_at=version.published_at,
    )  # fmt: skip


def _group_shape(group: Group, zone: ZoneInfo, titles: Mapping[str, str]) -> GroupShape:
    words, nodes = _in_words(group.delivery, zone, titles, group=group) if group.delivery else (None, [])
    return GroupShape(
        code=group.code, title=group.title, pick=group.pick,
        options=[_component_shape(option, zone, titles) for option in group.options], role=group.role,
        weight=group.weight, share_minor=group.share_minor, delivery=group.delivery or None, delivery_in_words=words,
        delivery_nodes=nodes,
    )  # fmt: skip


def _component_shape(component: Component, zone: ZoneInfo, titles: Mapping[str, str]) -> ComponentShape:
    words, nodes = _in_words(component.delivery, zone, titles)
    return ComponentShape(
        code=component.code, benefit=component.benefit, role=component.role, quantity=component.quantity,
        weight=component.weight, share_minor=component.share_minor, delivery=component.delivery,
        delivery_in_words=words, delivery_nodes=nodes, accounts=component.accounts,
        cost_limit_minor=component.cost_limit_minor,
    )  # fmt: skip


def _in_words(
    graph: Mapping[str, Any], zone: ZoneInfo, titles: Mapping[str, str], *, group: Group | None = None
) -> tuple[dict[str, str] | None, list[NodeShape]]:
    """Nothing while the graph has faults."""
    if graphs.faults(graph, group=group):
        return None, []
    nodes = catalog.wording.nodes_in_words(graph, zone=zone, titles=titles)
    return catalog.wording.in_words(graph, zone=zone, titles=titles), [
        NodeShape(name=node.name, do=node.do, words=node.words, branches=node.branches) for node in nodes
    ]
