"""The buyer's wallet, as his channel sees it: list, read, activate, reveal, show a code."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.params import Parameter
from msgspec import UNSET, UnsetType

from heyi.doors.access import Caller, allow
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Accounts, Body, CodeWord, Shape, id_in
from heyi.flows import activate, choose, freshness, redeem, reveal
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.parts import CHOICE
from heyi.provision import entitlement
from heyi.provision.entitlement import Right

READ, WRITE = "entitlements:read", "entitlements:write"


class FieldShape(Shape):
    """An account that the step needs: a label for people, and a full-match regular expression."""

    name: str
    label: str
    pattern: str


class NextStepShape(Shape):
    """none, choose, bind, activate, reveal or show_code; readers keep words they do not know."""

    step: str
    accounts: list[FieldShape]


class ProviderShape(Shape):
    """What the partner said last (unknown: that it does not know the right), and when; null until it was heard.

    `fresh`: yes, stale (older than its source promises), never_heard, or not_expected (nobody promises, or the right is
    not live).
    """

    state: str | None
    heard_at: datetime | None
    fresh: str


class EntitlementShape(Shape):
    """A right in the buyer's wallet. Usable: active, and `held` is empty. Reserved units are not left.

    What is yet to be chosen has the kind `choice`, its choice group as component, and no benefit or partner.
    """

    id: str
    buyer: str
    benefit: str | None
    title: str
    kind: str
    partner: str | None
    component: str
    state: str
    ended_why: str | None
    held: list[str]
    valid_from: datetime | None
    valid_to: datetime | None
    units_total: int
    units_left: int
    units_reserved: int
    next_step: NextStepShape
    accounts: dict[str, str]
    how_to_use: str
    order: str
    item: str
    provider: ProviderShape
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None


class ActivateBody(Body):
    """Account values by field name; empty where only the buyer's word is needed."""

    accounts: Accounts = {}


class ChooseBody(Body):
    """The option of the choice group that this right was left open for."""

    option: CodeWord


class CardShape(Shape):
    code: str
    secret: str | None


class RevealedShape(Shape):
    """A card key (`code`, `secret`) or a `link`; `problem` is the code of the reason when it cannot be shown."""

    entitlement: str
    item: str
    benefit: str
    title: str
    code: str | None
    secret: str | None
    link: str | None
    how_to_use: str
    more: list[CardShape] | UnsetType = UNSET
    problem: str | None = None


class CodeShape(Shape):
    """Shown to a till before `expires_at`; each code counts once."""

    code: str
    qr_text: str
    expires_at: datetime
    step_seconds: int


def entitlement_shape(right: Right, fresh: str) -> EntitlementShape:
    step = right.next_step
    needs = [FieldShape(name=field.name, label=field.label, pattern=field.pattern) for field in step.fields]
    return EntitlementShape(
        id=to_text("ent", right.id),
        buyer=right.buyer,
        benefit=right.benefit or None,
        title=right.title,
        kind=right.kind,
        partner=None if right.kind == CHOICE else to_text("prt", right.partner_id),
        component=right.component,
        state=right.state,
        ended_why=right.ended_why,
        held=list(right.holds),
        valid_from=right.valid_from,
        valid_to=right.valid_to,
        units_total=right.units_total,
        units_left=right.units_left,
        units_reserved=right.units_reserved,
        next_step=NextStepShape(step=step.step, accounts=needs),
        accounts=right.properties.given,
        how_to_use=right.properties.how_to_use,
        order=to_text("ord", right.order_id),
        item=to_text("itm", right.item_id),
        provider=ProviderShape(state=right.provider_state, heard_at=right.provider_heard_at, fresh=fresh),
        created_at=right.created_at,
        activated_at=right.activated_at,
        ended_at=right.ended_at,
    )


async def shown(tx: Tx, tools: Tools, right: Right) -> EntitlementShape:
    """A right with how fresh its partner's word is."""
    fresh = await freshness.of(tx, [right], now=tools.clock.now())
    return entitlement_shape(right, fresh[right.id])


def revealed_shape(shown: reveal.Shown) -> RevealedShape:
    right = shown.right
    return RevealedShape(
        entitlement=to_text("ent", right.id),
        item=to_text("itm", right.item_id),
        benefit=right.benefit,
        title=right.title,
        code=shown.code,
        secret=shown.secret,
        link=shown.link,
        how_to_use=right.properties.how_to_use,
        more=[CardShape(code=code, secret=secret) for code, secret in shown.others] or UNSET,
        problem=shown.refused.code if shown.refused else None,
    )


@get("/entitlements", guards=[allow("channel", READ)], summary="A buyer's entitlements, newest first",
     tags=["entitlements"])  # fmt: skip
async def list_entitlements(
    caller: Caller,
    tools: Tools,
    buyer: Annotated[str, Parameter(min_length=1, max_length=80)],
    in_state: Annotated[str | None, Parameter(query="state", max_length=20)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EntitlementShape]:
    now = tools.clock.now()
    async with tools.db.reading() as tx:
        found = await entitlement.search(
            tx, channel_id=caller.id, buyer=buyer, state=in_state, before=before(cursor), limit=limit + 1, now=now
        )
        fresh = await freshness.of(tx, found, now=now)
    return paged(found, limit, lambda right: entitlement_shape(right, fresh[right.id]))


@get("/entitlements/{entitlement_id:str}", guards=[allow("channel", READ)], summary="An entitlement as it is now",
     tags=["entitlements"])  # fmt: skip
async def get_entitlement(entitlement_id: str, caller: Caller, tools: Tools) -> EntitlementShape:
    async with tools.db.reading() as tx:
        right = await entitlement.find(tx, id_in("ent", entitlement_id), channel_id=caller.id, now=tools.clock.now())
        return await shown(tx, tools, right)


@post("/entitlements/{entitlement_id:str}/activate", guards=[allow("channel", WRITE)], status_code=200,
      summary="Activate, with the accounts that next_step asks for", tags=["entitlements"],
      description="The same accounts again answer the present state; others are refused once sent.")  # fmt: skip
async def activate_entitlement(
    entitlement_id: str, data: ActivateBody, caller: Caller, tools: Tools
) -> EntitlementShape:
    right = await activate.activate(tools, caller.id, id_in("ent", entitlement_id), data.accounts)
    async with tools.db.reading() as tx:
        return await shown(tx, tools, right)


@post("/entitlements/{entitlement_id:str}/choose", guards=[allow("channel", WRITE)], status_code=200,
      summary="Choose what was left open when it was bought", tags=["entitlements"],
      description="One option of the choice group. The same option again answers the present state.")  # fmt: skip
async def choose_entitlement(entitlement_id: str, data: ChooseBody, caller: Caller, tools: Tools) -> EntitlementShape:
    right = await choose.choose(tools, caller.id, id_in("ent", entitlement_id), data.option)
    async with tools.db.reading() as tx:
        return await shown(tx, tools, right)


@post("/entitlements/{entitlement_id:str}/reveal", guards=[allow("channel", WRITE)], status_code=200,
      opt={"stores_no_answer": True}, summary="Show a card key or a link; recorded each time",
      tags=["entitlements"])  # fmt: skip
async def reveal_entitlement(entitlement_id: str, caller: Caller, tools: Tools) -> RevealedShape:
    return revealed_shape(await reveal.reveal(tools, caller.id, id_in("ent", entitlement_id), by=caller.name))


@post("/entitlements/{entitlement_id:str}/code", guards=[allow("channel", WRITE)], status_code=200,
      opt={"stores_no_answer": True}, summary="A voucher's redemption code of this half minute",
      tags=["entitlements"])  # fmt: skip
async def show_code(entitlement_id: str, caller: Caller, tools: Tools) -> CodeShape:
    shown = await redeem.show_code(tools, caller.id, id_in("ent", entitlement_id))
    return CodeShape(code=shown.text, qr_text=shown.text, expires_at=shown.expires_at, step_seconds=shown.step_s)


HANDLERS = [
    list_entitlements, get_entitlement, activate_entitlement, choose_entitlement, reveal_entitlement, show_code,
]  # fmt: skip
