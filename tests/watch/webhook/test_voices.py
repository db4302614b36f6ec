"""The webhooks' patience in other voices: told at the order's own address until it says the standard's word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from tests.flows.world import World, make_world
from tests.watch.world import forward, send_due

from heyi.doors.supply import entry
from heyi.flows import buy, hold, supply, supply_tell
from heyi.infra import outbox
from heyi.infra.guard import public
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.offer import catalog, partner
from heyi.offer.catalog.model import Component, Document
from heyi.offer.partner.model import NewSupplyKey
from heyi.offer.partner.standards import Bought, bought_of, dujiao_next
from heyi.order import checkout
from heyi.order.checkout import Asked, Order
from heyi.watch.webhook import Delivery, endpoints
from heyi.watch.webhook.errors import EndpointDisabled, VoiceFixed
from heyi.watch.webhook.rules import GAPS_S

OK = b'{"ok":true,"message":"received"}'


@dataclass
class Site:
    """A dujiao-next site in the test's own loop: keeps what comes, and answers `says` with `status`."""

    url: str = ""
    status: int = 200
    says: bytes = OK
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def verified(self, key: NewSupplyKey, place: int = -1) -> bool:
        headers, body = self.got[place]
        right = dujiao_next.signature(
            key.secret, "POST", "/api/v1/upstream/callback", headers["dujiao-next-timestamp"], body
        )  # fmt: skip
        return (headers["dujiao-next-api-key"], headers["dujiao-next-signature"]) == (key.key.key, right)


@asynccontextmanager
async def _serving() -> AsyncIterator[Site]:
    site = Site()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        site.got.append((headers, await reader.readexactly(int(headers.get("content-length", "0")))))
        length = f"content-length: {len(site.says)}\r\nconnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 {site.status} Told\r\n{length}".encode() + site.says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"
    async with server:
        yield site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with _serving() as there:
        yield there


@pytest.fixture(scope="module")
async def world(tools: Tools) -> World:
    made = await make_world(tools, name="voice")
    async with tools.db.transaction() as tx:
        bundle = await catalog.bundles.make(tx, code="voice-link", title="课程", now=tools.clock.now())
        document = Document(100, "CNY", (Component("course", "voice-course", weight=1),))
        version = await catalog.bundles.draft(tx, bundle.id, document, now=tools.clock.now())
        await catalog.bundles.publish(tx, bundle.id, version.version, now=tools.clock.now())
    return made


@pytest.fixture
async def key(live: Tools, world: World) -> AsyncIterator[NewSupplyKey]:
    made = await _key(live, world)
    yield made
    async with live.db.transaction() as tx:
        for one in await partner.supply.live(tx, live.sealing, world.channel, "dujiao_next", now=live.clock.now()):
            await partner.supply.revoke(tx, one.id, now=live.clock.now())


async def _key(live: Tools, world: World) -> NewSupplyKey:
    async with live.db.transaction() as tx:
        return await partner.supply.make(
            tx, live.sealing, world.channel, "dujiao_next", label="t", now=live.clock.now()
        )  # fmt: skip


async def _order(live: Tools, world: World, key: NewSupplyKey, number: str, url: str) -> Order:
    """An order by the standard, told as the relay would tell it."""
    bought = Bought("dujiao_next", key.key.key, "cards", "课程", 7, url)
    asked = Asked(world.channel, number, number, "voice-link", 1, number.encode(), metadata=bought.metadata)
    answer = (await buy.buy(live, [asked]))[0]
    assert isinstance(answer, tuple), answer
    await _tell(live, answer[0])
    return answer[0]


async def _tell(live: Tools, order: Order) -> None:
    async with live.db.reading() as tx:
        facts = await outbox.of_order(tx, order.id)
    await supply_tell.those_who_bought(live, [fact for fact in facts if fact.name == "order.fulfilled"])


async def _log(live: Tools, world: World, order: Order) -> tuple[UUID, Delivery]:
    """The endpoint of the standard's voice, and the order's line in its log."""
    async with live.db.reading() as tx:
        (endpoint,) = [one for one in await endpoints.listed(tx, world.channel, before=None, most=50)
                       if one.voice == "dujiao_next"]  # fmt: skip
        found = await endpoints.list_deliveries(tx, world.channel, endpoint.id, state=None, before=None, most=50)
        facts = {fact.id for fact in await outbox.of_order(tx, order.id)}
    (delivery,) = [one for one in found if one.fact_id in facts]
    return endpoint.id, delivery


async def test_told_once_per_fact_and_again_until_acknowledged(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    """2xx alone is no acknowledgement; the same fact relayed twice is one delivery; no body is kept."""
    site.says = b'{"ok":false,"message":"later"}'
    order = await _order(live, world, key, "V-1", site.url)
    await _tell(live, order)
    assert await send_due(live, http) == 1
    assert site.verified(key)
    told = json.loads(site.got[0][1])
    assert told.items() >= {"downstream_order_no": "V-1", "status": "delivered"}.items()
    assert told["fulfillment"]["payload"].startswith("https://learn.example/r")
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.tries[0].status, delivery.tries[0].error) == ("waiting", 200, "not acknowledged")
    site.says = OK
    forward(live, seconds=GAPS_S[1] * 2)
    assert await send_due(live, http) == 1
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.attempts) == ("delivered", 2)
    async with live.db.reading() as tx:
        row = await tx.row("select body, url from webhook.deliveries where id = %(id)s", id=delivery.id)
    assert (bytes(row.body), row.url) == (b"", site.url)


async def test_a_dead_address_gives_up_alone(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    """Three days in vain, even "gone": this delivery has failed, and the next order is told all the same."""
    site.status = 410
    order = await _order(live, world, key, "V-2", site.url)
    assert await send_due(live, http) == 1
    _, delivery = await _log(live, world, order)
    assert delivery.state == "failed"
    site.status = 500
    order = await _order(live, world, key, "V-3", site.url)
    for _ in GAPS_S:
        assert await send_due(live, http) == 1
        forward(live, hours=12)
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.attempts) == ("failed", len(GAPS_S))
    site.status = 200
    order = await _order(live, world, key, "V-4", site.url)
    assert await send_due(live, http) == 1
    _, delivery = await _log(live, world, order)
    assert delivery.state == "delivered"


async def test_a_dead_address_holds_up_none_of_the_others(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    """A receiver of webhooks that fails is tried one at a time; here every order has an address of its own."""
    site.status = 500
    await _order(live, world, key, "V-10", site.url)
    assert await send_due(live, http) == 1
    site.status = 200
    for number in range(3):
        await _order(live, world, key, f"V-11-{number}", site.url)
    assert await send_due(live, http) == 3
    forward(live, seconds=GAPS_S[1] * 2)
    assert await send_due(live, http) == 1


async def test_what_is_held_is_told_when_it_is_free(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    """Whoever heard that an order is done does not ask again: told without its card, he would never get it."""
    order = await _order(live, world, key, "V-12", site.url)
    right, bought = order.items[0].entitlement_id, bought_of(order.metadata)
    assert (right is not None, bought is not None) == (True, True)
    await hold.hold(live, right, "risk", by="operator:x", until=None)
    assert await send_due(live, http) == 1
    assert site.got == []
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.tries[0].error) == ("waiting", supply_tell.NOT_NOW)
    asked = await supply.report(live, order, bought, by="channel:x")
    assert (asked.state, asked.cards, [one.title for one in asked.handed]) == ("doing", (), ["course"])
    await hold.lift(live, right, "risk", by="operator:x")
    forward(live, seconds=GAPS_S[1] * 2)
    assert await send_due(live, http) == 1
    told = json.loads(site.got[0][1])
    assert told["status"] == "delivered"
    assert told["fulfillment"]["payload"].startswith("https://learn.example/r")


async def test_what_cannot_be_made_is_a_try_that_failed(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    """Something is wrong with one order's row: the log says so, and the others are told."""
    order = await _order(live, world, key, "V-13", site.url)
    await _move(live, order.id, world.channel)
    other = await _order(live, world, key, "V-14", site.url)
    assert await send_due(live, http) == 2
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.tries[0].error) == ("waiting", "not sent: IndexError")
    _, delivery = await _log(live, world, other)
    assert delivery.state == "delivered"
    await _move(live, world.channel, order.id)
    forward(live, seconds=GAPS_S[1] * 2)
    assert await send_due(live, http) == 1
    assert site.verified(key)


async def _move(live: Tools, order: UUID, to: UUID) -> None:
    async with live.db.transaction() as tx:
        await tx.run("update webhook.deliveries set order_id = %(to)s where order_id = %(order)s", to=to, order=order)


async def test_a_revoked_key_signs_nothing_and_a_new_one_does(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    order = await _order(live, world, key, "V-5", site.url)
    async with live.db.transaction() as tx:
        await partner.supply.revoke(tx, key.key.id, now=live.clock.now())
    assert await send_due(live, http) == 1
    assert site.got == []
    _, delivery = await _log(live, world, order)
    assert (delivery.state, delivery.tries[0].error) == ("waiting", supply_tell.NO_KEY)
    fresh = await _key(live, world)
    forward(live, seconds=GAPS_S[1] * 2)
    assert await send_due(live, http) == 1
    assert site.verified(fresh)


async def test_the_owner_reads_resends_and_stops_but_does_not_redirect(
    live: Tools, http: Http, world: World, key: NewSupplyKey, site: Site
) -> None:
    order = await _order(live, world, key, "V-6", site.url)
    await send_due(live, http)
    endpoint, delivery = await _log(live, world, order)
    now = live.clock.now()
    async with live.db.transaction() as tx:
        with pytest.raises(VoiceFixed):
            await endpoints.change(tx, world.channel, endpoint, url="https://elsewhere.example", now=now)
        with pytest.raises(VoiceFixed):
            await endpoints.rotate(tx, live.sealing, world.channel, endpoint, now=now)
        await endpoints.resend(tx, world.channel, endpoint, delivery.id, now=now)
    with pytest.raises(VoiceFixed):
        await supply_tell_again(live, world, endpoint)
    assert await send_due(live, http) == 1
    assert json.loads(site.got[0][1]) == json.loads(site.got[1][1])
    async with live.db.transaction() as tx:
        await endpoints.change(tx, world.channel, endpoint, state="disabled", now=now)
    await _order(live, world, key, "V-7", site.url)
    assert await send_due(live, http) == 0
    async with live.db.transaction() as tx:
        with pytest.raises(EndpointDisabled):
            await endpoints.resend(tx, world.channel, endpoint, delivery.id, now=now)
        await endpoints.change(tx, world.channel, endpoint, state="active", now=now)


async def supply_tell_again(live: Tools, world: World, endpoint: UUID) -> None:
    """ "Everything since a time" is what webhooks can do; a standard's notifications belong to their orders."""
    from heyi.flows import tell

    await tell.ask_resend(live, world.channel, endpoint, since=live.clock.now() - timedelta(days=1))


async def test_nothing_is_sent_into_a_private_network(
    live: Tools, world: World, key: NewSupplyKey, site: Site, tools: Tools
) -> None:
    """The address is looked at when the order comes, and again where the connection is made."""
    for url in (
        site.url,
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "http://shop.example/x",
        "https://user@shop.example/",
    ):
        with pytest.raises(entry.CallbackRefused):
            await entry.check_callback(tools, url)
    order = await _order(live, world, key, "V-8", site.url)
    async with Http(allowed=public) as guarded:
        assert await send_due(live, guarded) == 1
    assert site.got == []
    _, delivery = await _log(live, world, order)
    assert delivery.tries[0].status is None


async def test_orders_of_the_open_api_are_told_by_webhook_alone(live: Tools, http: Http, world: World) -> None:
    """Whatever a channel writes into its own metadata, as long as it is not how an order by a standard is kept."""
    strange = {"standard": "carrier-pigeon", "key": "k", "kind": "cards", "title": "t", "url": "http://x"}
    for number, written in (("V-9", {"url": "http://x"}), ("V-9-2", strange)):
        asked = Asked(world.channel, number, "b", "voice-link", 1, b"9" * 16, metadata={"supply": written})
        answer = (await buy.buy(live, [asked]))[0]
        assert isinstance(answer, tuple)
        await _tell(live, answer[0])
        assert await send_due(live, http) == 0
        async with live.db.reading() as tx:
            assert (await checkout.by_number(tx, world.channel, number)) is not None
