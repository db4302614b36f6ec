"""An order's story: everything in the order it happened, in words, and nothing secret."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from tests.flows.world import make_world
from tests.watch.conftest import MovableClock
from tests.watch.receiver import receiving
from tests.watch.world import forward, fresh, listen, send_due

from heyi.flows import buy, relay, reveal, tell, timeline
from heyi.infra import outbox
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.order.checkout import Order


async def attempt_at_a_supplier(tools: Tools, order: Order) -> None:
    """What the worker would have recorded: accepted, asked about, delivered."""
    item = next(item for item in order.items if item.kind == "top_up")
    now, supplier, attempt = tools.clock.now(), fresh(tools), fresh(tools)
    async with tools.db.transaction() as tx:
        await tx.run(
            "insert into fulfilment.suppliers (id, code, title, dialect, base_url, credentials, callback_token, "
            "slots, timeout_ms, typical_ms, grace_ms, created_at) "
            "values (%(id)s, 'kss', '卡速售', 'kasushou', 'http://x', '', 't', 1, 1, 1, 1, %(now)s)",
            id=supplier, now=now,
        )  # fmt: skip
        await tx.run(
            "insert into fulfilment.attempts (lane, id, task_id, item_id, order_id, number, outer_number, supplier_id,"
            " offer_id, product_no, supplier_number, state, started_at, sent_until, accepted_at, ended_at) values ("
            "%(lane)s, %(id)s, %(id)s, %(item)s, %(order)s, 1, 'H1', %(supplier)s, %(id)s, '1001', 'KS-77', "
            "'delivered', %(now)s, %(now)s, %(now)s::timestamptz + interval '1 s', "
            "%(now)s::timestamptz + interval '3 s')",
            lane=order.lane, id=attempt, item=item.id, order=order.id, supplier=supplier, now=now,
        )  # fmt: skip
        await tx.run(
            "insert into fulfilment.calls (lane, id, attempt_id, supplier_id, verb, method, url, request, status, "
            "response, duration_ms, at) values (%(lane)s, %(id)s, %(attempt)s, %(supplier)s, 'submit', 'POST', "
            "'http://x/buy?sign=s3cret', "
            "'s3cret', 200, 's3cret', 41, %(now)s)",
            lane=order.lane, id=fresh(tools), attempt=attempt, supplier=supplier, now=now,
        )  # fmt: skip


async def test_the_story_of_an_order(tools: Tools) -> None:
    live = replace(tools, clock=MovableClock(tools.clock.now()))
    world = await make_world(live, name="story")
    async with receiving() as receiver, Http() as http:
        await listen(live, world.channel, receiver.url, events=["order.paid"])
        answer = (await buy.buy(live, [world.asks("T-story")]))[0]
        assert isinstance(answer, tuple)
        order = answer[0]
        async with live.db.reading() as tx:
            facts = await outbox.of_order(tx, order.id)
        await relay.react(live, tell.those_concerned, facts)
        forward(live, seconds=1)
        await send_due(live, http)
        forward(live, seconds=1)
        await attempt_at_a_supplier(live, order)
        forward(live, seconds=10)
        revealed = await reveal.order(live, order.id, order.lane, by="channel:test")
        story = await timeline.of_order(live, order.id, order.lane)

    assert [line.at for line in story] == sorted(line.at for line in story)
    names = [line.what for line in story]
    assert names[0] == "order.paid"
    assert names.count("item.delivered") == 4
    late = [name for name in names if name.startswith(("webhook", "attempt", "call", "key"))]
    assert late[:5] == ["webhook.sent", "attempt.started", "call.made", "attempt.accepted", "attempt.ended"]
    assert "key.revealed" in late[5:]
    words = {line.what: (line.text_zh, line.text_en) for line in story}
    assert words["order.paid"] == ("已支付 99.00 CNY，商品 story-joint", "paid 99.00 CNY for story-joint")
    assert words["attempt.accepted"][0] == "供货商 kss 已受理，单号 KS-77"
    assert words["call.made"][1] == "submit → kss: 200 (41 ms)"
    assert all(line.text_zh and line.text_en and "{" not in line.text_zh + line.text_en for line in story)
    assert all(line.text_en != line.what for line in story), "every line has words"
    whole = msgspec.json.encode([(line.text_zh, line.text_en, line.data) for line in story]).decode()
    assert to_text("itm", order.items[0].id) in whole
    secrets = [s for one in revealed for s in (one.code, one.secret) if s]
    assert secrets
    for secret in ("s3cret", "t0p", "13800138000", *secrets):
        assert secret not in whole
