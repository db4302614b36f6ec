"""A partner reports what happened on its side: each event is taken once, and answered by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.flows import compare
from heyi.flows.compare import Hearing
from heyi.infra import jobs, outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.offer import partner
from heyi.offer.partner.model import PARTNER
from heyi.provision import entitlement, usage
from heyi.provision.usage import Answer, Event, Told, Unread
from heyi.provision.usage.lists import Source
from heyi.provision.usage.model import Policy
from heyi.provision.usage.rules import strangers
from heyi.provision.usage.sources import Rule

EXPECTED_AT_ONCE = 1000


async def report(tools: Tools, partner_id: UUID, events: Sequence[Event | Unread]) -> list[Answer]:
    """One answer for each event, in their order."""
    async with tools.db.transaction() as tx:
        answers = await take_in(tx, partner_id, events, origin="pushed", now=tools.clock.now())
    return [answers[one.id] for one in events]


async def take_in(
    tx: Tx, partner_id: UUID, events: Sequence[Event | Unread], *, origin: str, now: datetime
) -> dict[UUID, Answer]:
    """Events of one partner, however they came. What a list shows again only says that it still holds, or that it still
    makes no sense; what a partner reports itself, it may report again once it is put right.
    """
    readable = [one for one in events if isinstance(one, Event)]
    whose = await compare.whose(tx, partner_id, [one.reference for one in readable])
    known = [one for one in readable if one.reference in whose.mine]
    shown = [one for one in events if isinstance(one, Unread) and origin != "pushed"]
    claimed = await usage.claim(tx, partner_id, [*known, *shown])
    heard: dict[UUID, list[Told]] = {}
    heard_by: dict[UUID, list[Event]] = {}
    for one in known:
        if one.id not in claimed or origin != "pushed":
            heard.setdefault(whose.mine[one.reference], []).append(one.told)
            heard_by.setdefault(whose.mine[one.reference], []).append(one)
    found = await compare.compare(tx, heard, dict.fromkeys(heard, partner_id), Hearing(origin, now))
    late = {one.id: late for id in found for one, late in zip(heard_by[id], found[id].late, strict=True)}
    listed = {id: found[id].ruling.drifts if id in found else () for id in whose.mine.values()}
    answers = usage.answer(events, claimed, whose, late, listed)
    await usage.reports.keep(tx, partner_id, origin, events, answers, now=now)
    named = {str(reference): found[id].ours for reference, id in whose.mine.items() if id in found}
    facts = await usage.drifts.explain(tx, partner_id, named, now=now)
    facts += await usage.drifts.strangers(tx, partner_id, strangers(readable, whose), origin=origin, now=now)
    await outbox.write(tx, facts, now=now)
    return answers


async def reconsider(tools: Tools, facts: Sequence[Fact]) -> None:
    """Our side moved: rights that their partner has spoken of are compared again, and newly delivered ones expected."""
    now = tools.clock.now()
    delivered = {
        fact.entitlement_id: fact.partner_id
        for fact in facts if fact.name == "item.delivered" and fact.entitlement_id and fact.partner_id
    }  # fmt: skip
    about = {fact.entitlement_id for fact in facts if fact.entitlement_id is not None}
    async with tools.db.transaction() as tx:
        await usage.expect(tx, delivered, now=now)
        told = await usage.told_of(tx, about)
        await compare.compare(tx, {}, told, Hearing("pushed", now))


async def expect_all(tools: Tools, args: Mapping[str, str]) -> None:
    """The job behind a new source: rights that were delivered before it was known are expected too."""
    partner_id, after, more = UUID(args["partner"]), None, True
    while more:
        async with tools.db.transaction() as tx:
            rights = await entitlement.provider.of_partner(tx, partner_id, after=after, most=EXPECTED_AT_ONCE)
            await usage.expect(tx, {right.id: partner_id for right in rights}, now=tools.clock.now())
        more = len(rights) == EXPECTED_AT_ONCE
        after = (rights[-1].lane, rights[-1].id) if rights else None


async def make_source(tools: Tools, *, partner_id: UUID, **more: Any) -> Source:
    """Say where a partner's word comes from; rights that it has already are expected too. Raises PartnerNotFound."""
    async with tools.db.transaction() as tx:
        await partner.read_party(tx, PARTNER, partner_id)
        made = await usage.sources.make(
            tx, tools.sealing, partner_id=partner_id, now=tools.clock.now(), wall=tools.clock.wall(), **more
        )
        await jobs.defer(tx, [jobs.Job("report.expect_all", {"partner": str(partner_id)})])
    return made


async def change_source(tools: Tools, id: UUID, **more: Any) -> Source:
    """Change a source; one that is on expects what was delivered while it was off. Raises SourceNotFound."""
    async with tools.db.transaction() as tx:
        made = await usage.sources.change(tx, tools.sealing, id, wall=tools.clock.wall(), **more)
        await jobs.defer(tx, [jobs.Job("report.expect_all", {"partner": str(made.partner_id)})])
    return made


async def put_policy(tools: Tools, *, partner_id: UUID, benefit: str, policy: Policy) -> Rule:
    """How a partner's reports are followed; what is listed is looked at again by it. Raises PartnerNotFound."""
    async with tools.db.transaction() as tx:
        await partner.read_party(tx, PARTNER, partner_id)
        made = await usage.sources.put_policy(
            tx, partner_id=partner_id, benefit=benefit, policy=policy, now=tools.clock.now()
        )
        await jobs.defer(tx, [jobs.Job("report.apply_policy", {"partner": str(partner_id)})])
    return made


async def apply_policy(tools: Tools, args: Mapping[str, str]) -> None:
    """The job behind a new policy: what is listed of that partner's rights, judged again."""
    partner_id, before, more = UUID(args["partner"]), None, True
    while more:
        async with tools.db.transaction() as tx:
            found = await usage.drifts.search(
                tx, partner=partner_id, entitlement=None, kind=None, state="open", text=None, before=before,
                limit=EXPECTED_AT_ONCE,
            )  # fmt: skip
            rights = {one.entitlement_id: partner_id for one in found if one.entitlement_id is not None}
            await compare.compare(tx, {}, rights, Hearing("pushed", tools.clock.now()))
        more, before = len(found) == EXPECTED_AT_ONCE, found[-1].id if found else None
