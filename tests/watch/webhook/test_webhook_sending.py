"""A fact happens and reaches those who listen: signed, patiently, once, and with a log."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta

import pytest
from tests.watch.conftest import MovableClock
from tests.watch.receiver import Receiver, receiving
from tests.watch.world import forward, fresh, listen, paid, send_due, state, until

from heyi.flows import tell
from heyi.flows.send import run_webhooks
from heyi.infra.db import Tx
from heyi.infra.guard import public
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.watch import webhook
from heyi.watch.webhook import Delivery, Endpoint, endpoints
from heyi.watch.webhook.errors import UrlRefused
from heyi.watch.webhook.rules import GAPS_S


async def log_of(tools: Tools, endpoint: Endpoint, *, of: str | None = None) -> list[Delivery]:
    async with tools.db.reading() as tx:
        return await endpoints.list_deliveries(tx, endpoint.holder_id, endpoint.id, state=of, before=None, most=200)


async def now_of(tools: Tools, endpoint: Endpoint) -> Endpoint:
    async with tools.db.reading() as tx:
        return await endpoints.read(tx, endpoint.holder_id, endpoint.id)


async def tell_paid(tools: Tools, holder: object, count: int = 1) -> None:
    await tell.those_concerned(tools, await state(tools, [paid(holder) for _ in range(count)]))  # type: ignore[arg-type]


async def test_it_arrives_and_verifies(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    endpoint, secret = await listen(live, channel, receiver.url)
    await tell_paid(live, channel)
    assert await send_due(live, http) == 1
    (got,) = receiver.got
    assert got.verifies(secret)
    message = json.loads(got.body)
    assert (message["type"], message["id"]) == ("order.paid", got.id)
    (delivery,) = await log_of(live, endpoint)
    assert (delivery.state, delivery.attempts, delivery.tries[0].status) == ("delivered", 1, 204)
    assert await send_due(live, http) == 0


async def test_rotation_signs_with_both_secrets_for_a_day(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    endpoint, old = await listen(live, channel, receiver.url)
    async with live.db.transaction() as tx:
        _, new = await endpoints.rotate(tx, live.sealing, channel, endpoint.id, now=live.clock.now())
    await tell_paid(live, channel)
    await send_due(live, http)
    assert receiver.got[0].verifies(old)
    assert receiver.got[0].verifies(new)
    forward(live, hours=25)
    await tell_paid(live, channel)
    await send_due(live, http)
    assert not receiver.got[1].verifies(old)
    assert receiver.got[1].verifies(new)


async def test_retries_come_after_growing_gaps_with_the_same_id_and_bytes(
    live: Tools, http: Http, receiver: Receiver
) -> None:
    channel = fresh(live)
    endpoint, secret = await listen(live, channel, receiver.url)
    receiver.status = lambda _: 500 if len(receiver.got) < 4 else 204
    await tell_paid(live, channel)
    for gap in GAPS_S[1:5]:
        assert await send_due(live, http) == 1
        assert await send_due(live, http) == 0
        forward(live, seconds=gap * 0.85)
        assert await send_due(live, http) == 0
        forward(live, seconds=gap * 0.3)
    assert await send_due(live, http) == 0
    assert len(receiver.got) == 4
    assert len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert all(got.verifies(secret) for got in receiver.got)
    (delivery,) = await log_of(live, endpoint)
    assert [t.status for t in delivery.tries] == [500, 500, 500, 204]
    assert delivery.state == "delivered"
    assert (await now_of(live, endpoint)).failing_since is None


async def test_after_three_days_it_gives_up_and_one_can_be_sent_again(
    live: Tools, http: Http, receiver: Receiver
) -> None:
    channel = fresh(live)
    endpoint, _ = await listen(live, channel, receiver.url)
    receiver.status = lambda _: 503
    await tell_paid(live, channel)
    for gap in (*GAPS_S[1:], 36000):
        assert await send_due(live, http) == 1
        forward(live, seconds=gap * 1.1)
    assert await send_due(live, http) == 0
    (delivery,) = await log_of(live, endpoint, of="failed")
    receiver.status = lambda _: 204
    async with live.db.transaction() as tx:
        again = await endpoints.resend(tx, channel, endpoint.id, delivery.id, now=live.clock.now())
    assert again.state == "waiting"
    assert await send_due(live, http) == 1
    assert receiver.got[-1].id == receiver.got[0].id
    assert receiver.got[-1].body == receiver.got[0].body
    assert (await log_of(live, endpoint))[0].state == "delivered"


async def test_resend_since_brings_what_failed_what_arrived_and_what_was_never_sent(
    live: Tools, http: Http, receiver: Receiver
) -> None:
    channel = fresh(live)
    await tell_paid(live, channel)
    forward(live, hours=1)
    since = live.clock.now()
    await tell_paid(live, channel, 2)
    endpoint, _ = await listen(live, channel, receiver.url)
    await tell_paid(live, channel)
    assert await send_due(live, http) == 1
    forward(live, minutes=1)
    args = {"holder": str(channel), "endpoint": str(endpoint.id), "since": since.isoformat(),
            "asked_at": live.clock.now().isoformat()}  # fmt: skip
    for _ in range(2):
        await tell.resend_since(live, args)
    while await send_due(live, http):
        pass
    assert sorted(Counter(got.id for got in receiver.got).values()) == [1, 1, 2]
    await tell.resend_since(live, args)
    assert await send_due(live, http) == 0


async def test_five_days_of_failure_disable_an_endpoint_and_its_owner_is_told(
    live: Tools, http: Http, receiver: Receiver
) -> None:
    channel = fresh(live)
    broken, _ = await listen(live, channel, receiver.url)
    receiver.status = lambda _: 500
    for _ in range(6):
        await tell_paid(live, channel)
        await send_due(live, http)
        forward(live, days=1)
    endpoint = await now_of(live, broken)
    assert endpoint.state == "disabled"
    assert "500" in (endpoint.disabled_why or "")
    assert not await log_of(live, broken, of="waiting")
    async with live.db.transaction() as tx:
        rows = await tx.rows("select * from infra.facts where name = 'webhook.disabled'")
        (fact,) = [row for row in rows if row.channel_id == channel]
    assert "t0p" not in json.dumps(fact.data)
    with pytest.raises(endpoints.EndpointDisabled):
        await tell.ask_resend(live, channel, broken.id, since=live.clock.now())
    async with live.db.transaction() as tx:
        await endpoints.change(tx, channel, broken.id, state="active", now=live.clock.now())
    receiver.status = lambda _: 204
    await tell_paid(live, channel)
    assert await send_due(live, http) == 1
    assert (await now_of(live, broken)).failing_since is None


async def test_410_means_never_again(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    endpoint, _ = await listen(live, channel, receiver.url)
    receiver.status = lambda _: 410
    await tell_paid(live, channel)
    await send_due(live, http)
    assert (await now_of(live, endpoint)).state == "disabled"


async def test_only_what_is_wanted_and_only_once(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    await listen(live, channel, receiver.url, events=["item.failed"])
    endpoint, _ = await listen(live, channel, receiver.url, events=["order.paid"])
    facts = await state(live, [paid(channel), paid(fresh(live))])
    for _ in range(3):
        await tell.those_concerned(live, facts)
    assert len(await log_of(live, endpoint)) == 1
    assert await send_due(live, http) == 1


async def test_a_slow_endpoint_holds_back_nobody_else(live: Tools, receiver: Receiver) -> None:
    slow, quick, stop = fresh(live), fresh(live), asyncio.Event()
    async with receiving() as fast:
        await listen(live, slow, receiver.url)
        await listen(live, quick, fast.url)
        receiver.hold.clear()
        await tell_paid(live, slow, 40)
        await tell_paid(live, quick, 40)
        sender = asyncio.create_task(run_webhooks(live, stop))
        await until(lambda: len(fast.got) == 40)
        await until(lambda: receiver.open_now == 10)
        assert receiver.open_most == 10
        receiver.hold.set()
        await until(lambda: len(receiver.got) == 40)
        assert receiver.open_most == 10
        stop.set()
        await sender


async def test_what_a_dead_sender_held_is_sent_again(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    endpoint, _ = await listen(live, channel, receiver.url)
    await tell_paid(live, channel)
    async with live.db.transaction() as tx:
        (held,) = await webhook.claim(tx, now=live.clock.now(), wall=live.clock.wall(), most=10)
    forward(live, days=1)
    assert await send_due(live, http) == 0, "leases are real time"
    assert isinstance(live.clock, MovableClock)
    live.clock.ahead = timedelta(seconds=61)
    assert await send_due(live, http) == 1
    live.clock.ahead = timedelta()
    late = webhook.Outcome(held, 500, "", 1, live.clock.now())
    async with live.db.transaction() as tx:
        await webhook.record(tx, [late], now=live.clock.now())
    (delivery,) = await log_of(live, endpoint)
    assert delivery.state == "delivered"
    assert sorted(t.status or 0 for t in delivery.tries) == [204, 500]


async def test_private_addresses_are_refused_when_made_and_when_sent(live: Tools, receiver: Receiver) -> None:
    for url, refused in (
        ("https://127.0.0.1/", endpoints.AddressRefused),
        ("https://localhost/", endpoints.AddressRefused),
        ("https://[::ffff:10.0.0.1]/", endpoints.AddressRefused),
        ("https://169.254.169.254/latest", endpoints.AddressRefused),
        ("https://0x7f000001/", endpoints.AddressRefused),
        ("http://8.8.8.8/", UrlRefused),
    ):
        with pytest.raises(refused):
            await endpoints.check_url(url, private_allowed=False)
    await endpoints.check_url("https://8.8.8.8/", private_allowed=False)
    # The name was public when it was registered, and is private now: refused where the connection is made.
    channel = fresh(live)
    endpoint, _ = await listen(live, channel, receiver.url.replace("127.0.0.1", "localhost"))
    await tell_paid(live, channel)
    async with Http(allowed=public) as careful:
        assert await send_due(live, careful) == 1
    assert receiver.got == []
    (delivery,) = await log_of(live, endpoint)
    assert delivery.tries[0].error == "AddressRefused"


async def test_strangers_endpoints_are_not_found_and_the_secret_is_nowhere_in_the_clear(
    live: Tools, receiver: Receiver
) -> None:
    channel = fresh(live)
    endpoint, secret = await listen(live, channel, receiver.url)
    async with live.db.transaction() as tx:
        for call in (endpoints.read(tx, fresh(live), endpoint.id),
                     endpoints.delete(tx, fresh(live), endpoint.id, now=live.clock.now())):  # fmt: skip
            with pytest.raises(endpoints.EndpointUnknown):
                await call
        row = await tx.row("select secret from webhook.endpoints where id = %(id)s", id=endpoint.id)
    assert row is not None
    assert secret.encode() not in bytes(row.secret)


async def test_deleted_endpoints_hear_nothing_and_the_count_is_bounded(live: Tools, receiver: Receiver) -> None:
    channel = fresh(live)
    made = [(await listen(live, channel, receiver.url))[0] for _ in range(endpoints.ENDPOINTS_MAX)]
    with pytest.raises(endpoints.TooManyEndpoints):
        await listen(live, channel, receiver.url)
    async with live.db.transaction() as tx:
        await endpoints.delete(tx, channel, made[0].id, now=live.clock.now())
    await listen(live, channel, receiver.url)
    await tell_paid(live, channel)
    async with live.db.reading() as tx:
        row = await tx.row("select count(*) as n from webhook.deliveries where endpoint_id = %(id)s", id=made[0].id)
    assert row is not None
    assert row.n == 0


async def test_old_deliveries_are_forgotten(live: Tools, http: Http, receiver: Receiver) -> None:
    channel = fresh(live)
    endpoint, _ = await listen(live, channel, receiver.url)
    await tell_paid(live, channel, 3)
    await send_due(live, http)
    forward(live, days=91)
    await tell_paid(live, channel)
    async with live.db.transaction() as tx:
        assert await webhook.forget(tx, now=live.clock.now()) >= 3
    assert len(await log_of(live, endpoint)) == 1


async def test_statements_do_not_grow_with_the_batch(
    live: Tools, http: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, counts, ours = fresh(live), [], Tx._send
    for _ in range(2):
        await listen(live, channel, receiver.url)
    for size in (2, 150):
        facts = await state(live, [paid(channel) for _ in range(size)])
        said: list[object] = []

        async def counting(tx: Tx, sql: object, values: object, said: list[object] = said) -> object:
            said.append(sql)
            return await ours(tx, sql, values)  # type: ignore[arg-type]

        monkeypatch.setattr(Tx, "_send", counting)
        await tell.those_concerned(live, facts)
        monkeypatch.setattr(Tx, "_send", ours)
        counts.append(len(said))
    assert counts[0] == counts[1]
