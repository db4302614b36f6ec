"""Rights, as operators see and freeze them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from litestar import delete, get, post

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.open_api.v1.entitlements import EntitlementShape, shown
from heyi.doors.shapes import Body, id_in
from heyi.flows import ask, hold
from heyi.infra.tools import Tools
from heyi.provision import entitlement

Reason = Literal["pause", "refund", "dispute", "risk"]
READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")


class HoldBody(Body):
    """Why, and until when; without a time the hold lasts until it is lifted."""

    reason: Reason
    until: datetime | None = None


@get("/entitlements/{entitlement_id:str}", guards=[READ], summary="Any buyer's right", tags=["entitlements"])
async def get_any_entitlement(entitlement_id: str, tools: Tools) -> EntitlementShape:
    async with tools.db.reading() as tx:
        return await shown(tx, tools, await entitlement.find(tx, id_in("ent", entitlement_id), now=tools.clock.now()))


@post("/entitlements/{entitlement_id:str}/holds", guards=[WRITE], summary="Hold a right: it cannot be used until freed",
      tags=["entitlements"])  # fmt: skip
async def hold_entitlement(
    entitlement_id: str, data: HoldBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> EntitlementShape:
    right = await hold.hold(tools, id_in("ent", entitlement_id), data.reason, by=caller.name, until=data.until)
    async with tools.db.reading() as tx:
        return await shown(tx, tools, right)


@delete("/entitlements/{entitlement_id:str}/holds/{reason:str}", guards=[WRITE], status_code=200,
        summary="Lift a hold; a pause gives back the time it took", tags=["entitlements"])  # fmt: skip
async def lift_hold(entitlement_id: str, reason: str, tools: Tools, caller: Caller) -> EntitlementShape:
    right = await hold.lift(tools, id_in("ent", entitlement_id), reason, by=caller.name)
    async with tools.db.reading() as tx:
        return await shown(tx, tools, right)


@post("/entitlements/{entitlement_id:str}/sync", guards=[WRITE], status_code=200, opt={"stores_no_answer": True},
      summary="Ask the partner about this right now", tags=["entitlements"],
      description="What it says is followed by rule; what may not be followed is listed as a drift.")  # fmt: skip
async def sync_entitlement(entitlement_id: str, tools: Tools) -> EntitlementShape:
    id = id_in("ent", entitlement_id)
    await ask.about(tools, id)
    async with tools.db.reading() as tx:
        return await shown(tx, tools, await entitlement.find(tx, id, now=tools.clock.now()))


HANDLERS = [get_any_entitlement, hold_entitlement, lift_hold, sync_entitlement]
