"""Telling channels and partners what happened: in the journal that they can read, and through their webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from heyi.infra import jobs, outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.watch import journal, webhook

RESEND_AT_ONCE = 500  # facts per transaction


async def those_concerned(tools: Tools, facts: Sequence[Fact]) -> None:
    """Note facts for whom they concern, and make a delivery for every endpoint that listens.

    Both in one transaction, both once per fact however often this runs.
    """
    concerned = [(fact, holder) for fact in facts for holder in journal.concerned(fact)]
    lines = [journal.Noted(holder.id, fact.id, fact.name) for fact, holder in concerned if fact.id is not None]
    news = [_announcement(tools, fact, holder) for fact, holder in concerned]
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        await journal.note(tx, lines, now=now)
        await webhook.announce(tx, news, now=now)


def _announcement(tools: Tools, fact: Fact, holder: journal.Holder) -> webhook.Announcement:
    body = partial(journal.body, fact, holder.kind, tools.settings.public_url)
    return webhook.Announcement(holder.id, fact.id or UUID(int=0), fact.order_id, fact.name, body)


async def events(
    tools: Tools,
    holder: journal.Holder,
    *,
    after: int,
    since: datetime | None,
    names: Sequence[str] | None,
    limit: int,
) -> tuple[list[bytes], journal.Page]:
    """What a holder may read behind a position (or since a time), oldest first, as the bodies of its webhooks."""
    async with tools.db.reading() as tx:
        page = await journal.read(tx, holder.id, after=after, since=since, names=names, most=limit)
        facts = await _in_order(tx, page)
    return [journal.body(fact, holder.kind, tools.settings.public_url) for fact in facts], page


async def _in_order(tx: Tx, page: journal.Page) -> list[Fact]:
    found = {fact.id: fact for fact in await outbox.read(tx, page.fact_ids)}
    return [found[id] for id in page.fact_ids if id in found]


async def ask_resend(tools: Tools, holder_id: UUID, endpoint_id: UUID, *, since: datetime) -> None:
    """All that an endpoint listens to since a time, again, in the background.

    Raises EndpointUnknown, EndpointDisabled.
    """
    asked_at = tools.clock.now().isoformat()
    args = {"holder": str(holder_id), "endpoint": str(endpoint_id), "since": since.isoformat(), "asked_at": asked_at}
    async with tools.db.transaction() as tx:
        endpoint = await webhook.endpoints.read(tx, holder_id, endpoint_id)
        webhook.endpoints.must_be_active(endpoint)
        webhook.endpoints.must_be_ours(endpoint)
        await jobs.defer(tx, [jobs.Job("tell.resend_since", args)])


async def resend_since(tools: Tools, args: Mapping[str, str]) -> None:
    """The job behind `ask_resend`. Run twice, it sends nothing twice: a round is marked with when it was asked."""
    since, asked_at = datetime.fromisoformat(args["since"]), datetime.fromisoformat(args["asked_at"])
    holder_id, after, more = UUID(args["holder"]), 0, True
    while more:
        async with tools.db.transaction() as tx:
            endpoint = await webhook.endpoints.read(tx, holder_id, UUID(args["endpoint"]))
            page = await journal.read(
                tx, holder_id, after=after, since=since, until=asked_at, names=None, most=RESEND_AT_ONCE
            )
            holder = journal.Holder(endpoint.holder_kind, holder_id)
            news = [_announcement(tools, fact, holder) for fact in await _in_order(tx, page)]
            await webhook.announce_again(tx, endpoint, news, asked_at=asked_at, now=tools.clock.now())
        after, more = page.position, page.more
