"""Endpoints and what is sent to them. Claim (commit) → send → record (commit); the sending itself is a flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import first_id, new_id, new_ids
from heyi.kernel.talk import Call
from heyi.watch.webhook import endpoints, facts, rules, store
from heyi.watch.webhook.model import Announcement, CallBack, Endpoint, Health, Outcome, Sending, Told

TIMEOUT_S = 15.0
SLOTS = 10  # tries in flight per endpoint, over all senders
KEPT = timedelta(days=90)
FORGET_MAX = 2000


async def announce(tx: Tx, news: Sequence[Announcement], *, now: datetime) -> None:
    """Make a delivery for every active endpoint that wants to hear of these facts; once, however often called."""
    if not news:
        return
    listening = await store.listening(tx, sorted({one.holder_id for one in news}))
    if pairs := rules.matched(listening, news):
        await store.announce(tx, new_ids(millis(now), len(pairs)), pairs, now=now)


async def announce_to(tx: Tx, calls: Sequence[CallBack], *, now: datetime) -> None:
    """Make a delivery to the address that each of these brought along; once per fact, however often called."""
    if calls:
        ids = new_ids(millis(now), 2 * len(calls))
        async with tx.pipeline():
            await store.announce_to(tx, ids[: len(calls)], ids[len(calls) :], calls, now=now)


async def announce_again(
    tx: Tx, endpoint: Endpoint, news: Sequence[Announcement], *, asked_at: datetime, now: datetime
) -> None:
    """Tell one endpoint these facts again, or for the first time if it was not there; once per `asked_at`."""
    if pairs := rules.matched([endpoint], news):
        await store.announce(tx, new_ids(millis(now), len(pairs)), pairs, now=now, asked_at=asked_at)


async def claim(tx: Tx, *, now: datetime, wall: datetime, most: int) -> list[Sending]:
    """Deliveries to send now, leased for one try; bounded per endpoint. Commit before sending.

    What dead senders held is taken back first.
    """
    await store.lapse(tx, now=now, wall=wall)
    until = wall + rules.lease_for(TIMEOUT_S)
    return await store.claim(tx, new_id(millis(now)), now=now, until=until, slots=SLOTS, most=most)


def call_for(sealing: Sealing, sending: Sending, *, wall: datetime) -> Call:
    """This try, signed with every secret that is alive; `wall` is real time."""
    secrets = [sealing.open_secret(sealed, endpoints.bound_to(sending.endpoint_id)) for sealed in sending.secrets]
    headers = rules.headers(secrets, sending.fact_id, sending.body, wall=wall)
    return Call("POST", sending.url, headers, sending.body)


async def record(tx: Tx, outcomes: Sequence[Outcome], *, now: datetime) -> list[Fact]:
    """Record tries: deliveries move on, endpoints that were or are in trouble are looked at. Answers the facts."""
    told, health = await _looked_at(tx, outcomes)
    dead = sorted(id for id, state in health.items() if state.disabled_why)
    async with tx.pipeline():
        await store.record_tries(tx, new_ids(millis(now), len(outcomes)), outcomes)
        await store.record(tx, [(outcome, rules.verdict(outcome)) for outcome in outcomes], now=now)
        if health:
            await store.save_health(tx, health)
        if dead:
            await store.drop_waiting(tx, dead, now=now)
    return [facts.disabled(told[id], health[id].disabled_why or "", rules.shown_url(told[id].url)) for id in dead]


async def _looked_at(tx: Tx, outcomes: Sequence[Outcome]) -> tuple[dict[UUID, Endpoint], dict[UUID, Health]]:
    by_endpoint: dict[UUID, list[Outcome]] = {}
    for outcome in outcomes:
        by_endpoint.setdefault(outcome.sending.endpoint_id, []).append(outcome)
    # An endpoint that worked and works needs no lock: the usual case.
    unsteady = sorted(id for id, of in by_endpoint.items() if not all(o.arrived and not o.sending.failing for o in of))
    if not unsteady:
        return {}, {}
    locked = {endpoint.id: endpoint for endpoint in await store.lock(tx, unsteady)}
    return locked, {id: rules.health(endpoint, by_endpoint[id]) for id, endpoint in locked.items()}


async def about_order(tx: Tx, order_id: UUID) -> list[Told]:
    """Every try that told somebody about an order, oldest first.

    The channel's own URLs are shown (without their query); which systems a partner runs is not the channel's business.
    """
    return [
        replace(one, url=rules.shown_url(one.url) if one.holder_kind == "channel" else one.holder_kind)
        for one in await store.about_order(tx, order_id)
    ]


async def forget(tx: Tx, *, now: datetime) -> int:
    """Delete a chunk of deliveries older than 90 days; answers how many."""
    return await store.forget(tx, first_id(millis(now - KEPT)), most=FORGET_MAX)
