"""Warnings: what operators should look at, who looks after it, when to warn, and what was mailed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import UNSET, Meta, UnsetType

from heyi.doors.access import Caller, allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, NotFoundHere, Shape, id_in
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import from_text, to_text
from heyi.offer import catalog
from heyi.provision.fulfilment import balances
from heyi.watch import warning
from heyi.watch.warning import Warned, letters, model
from heyi.watch.warning.letters import Mail

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
Minor = Annotated[int, Meta(ge=0, le=10**15, description="minor units")] | None | UnsetType
Some = Annotated[int, Meta(ge=0, le=100_000)] | None | UnsetType
_SUBJECT = re.compile(r"(sup|ben)_[0-7][0-9a-hjkmnp-tv-z]{25}")


class SnoozeBody(Body):
    """Be quiet about it for so long, also when it goes and comes back."""

    minutes: Annotated[int, Meta(ge=1, le=525_600)]


class ThresholdsPatch(Body):
    """What is left out stays, null goes back to what holds without it. Suppliers: `balance_minor`, `hours` left at the
    usual rate and `hours_critical` at the last hour's, `difference_minor` tolerated for `difference_polls` looks.
    Benefits: `keys` left, `days` left, `expiring_days` ahead. Zero hours, keys or days: do not warn of that.
    """

    balance_minor: Minor = UNSET
    hours: Some = UNSET
    hours_critical: Some = UNSET
    difference_minor: Minor = UNSET
    difference_polls: Annotated[int, Meta(ge=1, le=50)] | UnsetType | None = UNSET
    keys: Some = UNSET
    days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType | None = UNSET
    expiring_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType | None = UNSET


class WarningShape(Shape):
    """`about`: what it concerns (sup_…, ben_…, with "/detail" where one thing can be in trouble in several ways).
    `numbers` are those of the last look; `…_minor` in minor units of `currency`. Kinds and levels are open words.
    """

    id: str
    kind: str
    about: str
    level: str
    zh: str
    en: str
    numbers: dict[str, Any]
    since: datetime
    last_seen: datetime
    calm_since: datetime | None
    cleared_at: datetime | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    mailed_at: datetime | None


class ThresholdsShape(Shape):
    """What holds for `about`, and what was set for it itself (`own`)."""

    about: str
    balance_minor: int
    hours: int
    hours_critical: int
    difference_minor: int
    difference_polls: int
    keys: int
    days: int
    expiring_days: int
    own: dict[str, int]


class MailShape(Shape):
    """A digest of warnings; `state` is waiting, sending, sent or failed."""

    id: str
    at: datetime
    recipients: list[str]
    subject: str
    body: str
    state: str
    attempts: int
    next_at: datetime | None
    error: str | None
    sent_at: datetime | None


def shape(one: Warned) -> WarningShape:
    return WarningShape(
        id=to_text("wrn", one.id), kind=one.kind, about=one.subject, level=one.level, zh=one.zh, en=one.en,
        numbers=dict(one.numbers), since=one.since, last_seen=one.last_seen, calm_since=one.calm_since,
        cleared_at=one.cleared_at, snoozed_until=one.snoozed_until, snoozed_by=one.snoozed_by,
        acknowledged_at=one.acknowledged_at, acknowledged_by=one.acknowledged_by, mailed_at=one.mailed_at,
    )  # fmt: skip


def mail_shape(one: Mail) -> MailShape:
    return MailShape(
        id=to_text("eml", one.id), at=one.at, recipients=list(one.recipients), subject=one.subject, body=one.body,
        state=one.state, attempts=one.attempts, next_at=one.next_at, error=one.error, sent_at=one.sent_at,
    )  # fmt: skip


@get("/warnings", guards=[READ], summary="Warnings, newest first", tags=["warnings"])
async def list_warnings(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[
        Literal["open", "snoozed", "cleared", "all"], Parameter(query="state", description="open: and not snoozed")
    ] = "open",
    kind: Annotated[str | None, Parameter(max_length=64)] = None,
    level: Literal["warning", "critical"] | None = None,
    about: Annotated[str | None, Parameter(max_length=200, description="sup_…, ben_…, with or without detail")] = None,
    search: Annotated[str | None, Parameter(max_length=100, description="anywhere in the text")] = None,
) -> Page[WarningShape]:
    async with tools.db.reading() as tx:
        found = await warning.search(
            tx, state=in_state, kind=kind, level=level, about=about, text=search or None, now=tools.clock.now(),
            before=before(cursor), limit=limit + 1,
        )  # fmt: skip
    return paged(found, limit, shape)


@get("/warnings/{warning_id:str}", guards=[READ], summary="One warning", tags=["warnings"])
async def get_warning(warning_id: str, tools: Tools) -> WarningShape:
    async with tools.db.reading() as tx:
        return shape(await warning.find(tx, id_in("wrn", warning_id)))


@post("/warnings/{warning_id:str}/acknowledge", guards=[WRITE], status_code=200, tags=["warnings"],
      summary="Say that you look after it; it is mailed no more")  # fmt: skip
async def acknowledge_warning(
    warning_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> WarningShape:
    async with tools.db.transaction() as tx:
        return shape(
            await warning.acknowledge(tx, id_in("wrn", warning_id), by=caller.name, now=tools.clock.now())
        )  # fmt: skip


@post("/warnings/{warning_id:str}/snooze", guards=[WRITE], status_code=200, tags=["warnings"],
      summary="Be quiet about it for a while")  # fmt: skip
async def snooze_warning(
    warning_id: str, data: SnoozeBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> WarningShape:
    now = tools.clock.now()
    until = now + timedelta(minutes=data.minutes)
    async with tools.db.transaction() as tx:
        return shape(await warning.snooze(tx, id_in("wrn", warning_id), until=until, by=caller.name, now=now))


@get("/warning_thresholds/{about:str}", guards=[READ], tags=["warnings"],
     summary="When to warn of a supplier (sup_…), a benefit (ben_…), or all (alliance)")  # fmt: skip
async def get_thresholds(about: str, tools: Tools) -> ThresholdsShape:
    async with tools.db.reading() as tx:
        found = (await warning.thresholds.of(tx, [await _subject(tx, about)]))[about]
        own = await warning.thresholds.own(tx, about)
    return ThresholdsShape(about=about, own=own, **warning.thresholds.shown(found))


@patch("/warning_thresholds/{about:str}", guards=[WRITE], tags=["warnings"],
       summary="Set when to warn of a supplier, a benefit, or all")  # fmt: skip
async def set_thresholds(about: str, data: ThresholdsPatch, tools: Tools, caller: Caller) -> ThresholdsShape:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    async with tools.db.transaction() as tx:
        found = await warning.thresholds.set_(
            tx, await _subject(tx, about), given, by=caller.name, now=tools.clock.now()
        )  # fmt: skip
        own = await warning.thresholds.own(tx, about)
    return ThresholdsShape(about=about, own=own, **warning.thresholds.shown(found))


async def _subject(tx: Tx, about: str) -> str:
    """Raises NotFoundHere, SupplierNotFound, BenefitNotFound."""
    if about == model.ALLIANCE:
        return about
    id = from_text(about[:3], about) if _SUBJECT.fullmatch(about) else None
    if id is None:
        raise NotFoundHere(what="supplier or benefit")
    await (balances.terms(tx, id) if about.startswith("sup") else catalog.benefits.read(tx, id))
    return about


@get("/warning_mails", guards=[READ], summary="Digests that were mailed, newest first", tags=["warnings"])
async def list_mails(
    tools: Tools,
    limit: Limit = 20,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in subject, text or recipients")] = None,
) -> Page[MailShape]:
    async with tools.db.reading() as tx:
        found = await letters.listed(tx, text=search or None, before=before(cursor), limit=limit + 1)
    return paged(found, limit, mail_shape)


HANDLERS = [
    list_warnings, get_warning, acknowledge_warning, snooze_warning, get_thresholds, set_thresholds, list_mails,
]  # fmt: skip
