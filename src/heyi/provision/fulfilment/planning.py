"""Pure: which task an item that is not given at once becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.kernel.parts import PHYSICAL, SERVICE, TOP_UP, Part
from heyi.provision.fulfilment import model
from heyi.provision.fulfilment.model import Plan, Request
from heyi.provision.fulfilment.routing import Candidate, choose

BY_HAND = "by_hand"  # the reason of a task that waits for a person because its kind needs one


def first_state(plan: Plan, now: datetime) -> tuple[str, datetime | None]:
    """The task's first state and its due time. A task that depends on another item waits for that first."""
    due, state = plan.part.due, plan.item_state
    if due.state == "after":
        return model.WAITING_FOR_EVENT, due.at
    if state == model.WAITING_FOR_BUYER:
        return model.WAITING_FOR_BUYER, due.at
    if state == model.WAITING_FOR_STOCK:
        return model.WAITING_FOR_STOCK, None
    if state == model.SCHEDULED:
        return model.SCHEDULED, due.at or now
    if by_hand(plan.part.kind, plan.part.offer.source):
        return model.WAITING_FOR_PERSON, None
    return model.SCHEDULED, now


def routed(plan: Plan, known: Mapping[UUID, Candidate]) -> Plan:
    """The plan at the offer that routing prefers now; when none can be used, the first one keeps its task."""
    sourcing = plan.part.sourcing
    if sourcing is None:
        return plan
    here = [known[offer.id] for offer in sourcing.offers if offer.id in known]
    chosen = choose(here, sourcing.policy, plan.part.cost_limit, str(plan.id)) or choose(
        here, sourcing.policy, plan.part.cost_limit, str(plan.id), hoping=True
    )
    return plan if chosen is None else replace(plan, part=replace(plan.part, offer=chosen.offer))


def by_hand(kind: str, source: str) -> bool:
    """Whether a person delivers it: goods, services, and top-ups that we do ourselves."""
    return source != "supplier" and kind in (PHYSICAL, SERVICE, TOP_UP)


def request_of(part: Part, item_state: str, ship_to: dict[str, object] | None) -> Request:
    """What the delivery needs of the part; accounts in the order of its fields."""
    names = [one.name for one in part.fields]
    ordered = [*[n for n in names if n in part.accounts], *[n for n in part.accounts if n not in names]]
    return Request(
        title=part.title,
        product_no=part.offer.product_no,
        accounts=tuple([(name, part.accounts[name]) for name in ordered]),
        wanted=tuple(names),
        cost_minor=part.offer.cost.amount_minor,
        limit_minor=None if part.cost_limit is None else part.cost_limit.amount_minor,
        share_minor=part.share.amount_minor,
        currency=part.share.currency,
        earn_on=part.earn_on,
        units=part.units,
        ship_to=ship_to if part.kind == PHYSICAL else None,
        later=item_state != "delivering",
        falls_back=part.due.way is not None and part.due.way.falls_back,
        named=None if part.due.way is None else part.due.way.named,
        partner_id=part.partner_id,
    )
