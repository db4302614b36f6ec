"""A connector is rehearsed before anybody relies on it: shown without a network, or asked what changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.flows import look
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Reply
from heyi.provision.fulfilment import rehearsing, staging
from heyi.provision.fulfilment.model import Request, outer_number
from heyi.provision.fulfilment.rehearsing import Asked, Rehearsed
from heyi.provision.fulfilment.suppliers import Callback, Order


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is to be rehearsed. `document` comes before `version`, `supplier` before sample credentials."""

    code: str
    verb: str
    request: Request
    version: int | None = None
    document: dict[str, Any] | None = None
    supplier: UUID | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    kind: str = "top_up"
    outer_number: str = ""
    supplier_number: str = ""
    page: int = 1
    at: datetime | None = None
    replies: tuple[Reply, ...] = ()
    callback: Callback | None = None


async def rehearse(tools: Tools, wanted: Rehearsal) -> Rehearsed:
    """Nothing is sent."""
    staged = await _stage(tools, wanted)
    return rehearsing.played(staged.account, _asked(tools, wanted), signature_known=bool(staged.profiles))


async def ask(tools: Tools, wanted: Rehearsal, *, by: str | None = None) -> Rehearsed:
    """The real supplier is asked something that changes nothing; the call log keeps it. Raises NotToBeSent, RealOrder,
    and as `rehearse`."""
    rehearsing.only_looks(wanted.verb, wanted.supplier)
    staged = await _stage(tools, wanted)
    async with tools.db.reading() as tx:
        await staging.nobodys(tx, wanted.outer_number)
    asked = _asked(tools, replace(wanted, at=None))
    heard: list[Heard] = []
    end: object
    try:
        begun = rehearsing.harmless(staged.account, rehearsing.begin(staged.account, asked), staged.profiles)
        end = await look.ask(tools, staged.account, begun, f"rehearse_{wanted.verb}", heard, by=by, doubtful=True)
    except Refused:
        raise
    except Exception as error:
        end = rehearsing.broke(error)
    return rehearsing.said(staged.account, asked, heard, end)


async def _stage(tools: Tools, wanted: Rehearsal) -> staging.Staged:
    async with tools.db.reading() as tx:
        return await staging.stage(
            tx, tools.sealing, wanted.code, version=wanted.version, document=wanted.document,
            supplier=wanted.supplier, credentials=wanted.credentials, base_url=wanted.base_url,
            public_url=tools.settings.public_url,
        )  # fmt: skip


def _asked(tools: Tools, wanted: Rehearsal) -> Asked:
    at = wanted.at or tools.clock.wall()
    number = wanted.outer_number or outer_number(new_id(millis(tools.clock.now())), 1)
    order = Order(number, wanted.kind, wanted.request, at, supplier_number=wanted.supplier_number)
    return Asked(wanted.verb, order, at, wanted.page, wanted.replies, wanted.callback)
