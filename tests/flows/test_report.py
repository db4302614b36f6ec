"""A partner reports: each event is taken once and answered by itself; rights and books follow, the rest is listed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.flows.redeeming import Shop
from tests.provision.entitlement.making import PHONE, Validity, part

from heyi.flows import expire, hold, redeem, report, settle
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_id, to_text
from heyi.provision import usage
from heyi.provision.entitlement import Right
from heyi.provision.usage import Answer, Event, Reference, Told
from heyi.provision.usage.drifts import Wanted
from heyi.provision.usage.model import Drift, Policy

_numbers = count(1)


class Reporting(Shop):
    """A partner that reports. Its clock is ours unless `at` says otherwise."""

    def event(self, right: Right | str, kind: str, *, id: str | None = None, at: datetime | None = None,
              units: int | None = None) -> Event:  # fmt: skip
        now = self.tools.clock.now()
        at = at or now
        name = (
            Reference("entitlement", to_text("ent", right.id))
            if isinstance(right, Right)
            else Reference("outer_number", right)
        )
        told = Told(kind, at, at, (units or 1) if kind == "used" else 0)  # type: ignore[arg-type]
        return Event(new_id(millis(now)), id or f"E{next(_numbers)}", name, told, '{"raw": true}')

    async def tell(self, *events: Event) -> list[Answer]:
        return await report.report(self.tools, self.partner_id, events)

    async def say(self, right: Right | str, kind: str, **more: Any) -> Answer:
        return (await self.tell(self.event(right, kind, **more)))[0]

    async def policy(self, benefit: str = "", **words: Any) -> None:
        async with self.tools.db.transaction() as tx:
            await usage.sources.put_policy(
                tx, partner_id=self.partner_id, benefit=benefit, policy=Policy(**words), now=self.tools.clock.now()
            )

    async def drifts(self, right: Right | None = None, state: str | None = None) -> list[Drift]:
        async with self.tools.db.reading() as tx:
            return await usage.drifts.search(
                tx, partner=self.partner_id, entitlement=right and right.id, kind=None, state=state, text=None,
                before=None, limit=100,
            )  # fmt: skip

    async def reports(self, right: Right | None = None) -> list[Any]:
        async with self.tools.db.reading() as tx:
            return await usage.reports.search(tx, partner=self.partner_id, entitlement=right and right.id, limit=500)

    async def key(self, **more: Any) -> Right:
        """A card key that the buyer has not looked at yet."""
        return await self.wallet.grant(part("card_key", partner_id=self.partner_id, **more))

    async def top_up(self, state: str = "delivered", **more: Any) -> Right:
        return await self.wallet.grant(part("top_up", partner_id=self.partner_id, fields=(PHONE,), **more), state)


@pytest.fixture
async def shop(tools: Tools) -> Reporting:
    return Reporting(tools)


async def refusal(call: Any) -> str:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.code


async def test_an_activation_is_taken_once_and_told(shop: Reporting) -> None:
    right = await shop.key()
    event = shop.event(right, "activated")
    assert [one.verdict for one in await shop.tell(event, event_again(shop, event))] == ["taken", "repeated"]
    assert (await shop.say(right, "activated", id=event.event_id, at=event.told.at)).verdict == "repeated"
    assert (await shop.say(right, "used", id=event.event_id)).code == "usage.event_reused"
    seen = await shop.see(right)
    assert (seen.state, seen.provider_state, seen.provider_heard_at) == ("active", "activated", shop.tools.clock.now())
    assert await shop.facts(right) == ["entitlement.activated"]
    kept = await shop.reports(right)
    assert [(one.event_id, one.verdict, one.raw) for one in kept if one.verdict != "refused"] == [
        (event.event_id, "taken", {"raw": True})
    ]


async def test_a_bad_event_never_hurts_its_neighbours(shop: Reporting) -> None:
    """Unknown, a stranger's, and good ones in between; what is refused keeps no number and may come again."""
    mine, theirs = await shop.key(), await Reporting(shop.tools).key()
    gone = replaced(mine, uuid4())
    events = [
        shop.event(gone, "activated"), shop.event(mine, "activated"), shop.event(theirs, "activated", id="again"),
        shop.event("9zzzz-1", "used"), shop.event(mine, "used"),
    ]  # fmt: skip
    answers = await shop.tell(*events)
    assert [(one.verdict, one.code) for one in answers] == [
        ("refused", "entitlement.not_found"), ("taken", None), ("refused", "entitlement.not_found"),
        ("refused", "entitlement.not_found"), ("taken", None),
    ]  # fmt: skip
    assert (await shop.see(theirs)).state == "pending_activation"
    earlier = shop.tools.clock.now() - timedelta(hours=1)
    assert (await shop.say(mine, "activated", id="again", at=earlier)).verdict == "late"
    assert len(await shop.reports()) == 6


async def test_the_same_report_from_two_sides_at_once_counts_once(shop: Reporting) -> None:
    right = await shop.voucher(units=5, share=1000, cost=500)
    event = shop.event(right, "used")
    answers = await asyncio.gather(*[shop.tell(event_again(shop, event)) for _ in range(8)])
    assert sorted(one.verdict for [one] in answers) == ["repeated"] * 7 + ["taken"]
    assert await shop.units(right) == (4, 0, 1)
    assert await shop.books(right) == {"earned": 200, "cost": 100, "payable": 100}


async def test_uses_earn_like_a_tills_and_the_last_one_ends_the_right(shop: Reporting) -> None:
    """1001 fen over three units: two at once, and one at a till; to the fen, and told as redemptions."""
    right = await shop.voucher(units=3, share=1001, cost=501)
    assert (await shop.say(right, "used", units=2)).verdict == "taken"
    await shop.redeem(right)
    assert (await shop.see(right)).ended_why == "used_up"
    assert await shop.books(right) == {"earned": 1001, "cost": 501, "payable": 501}
    assert (await shop.facts(right)).count("redemption.redeemed") == 2
    assert {one.till for one in await shop.list()} == {"(reported)", "till-1"}


async def test_what_a_till_redeemed_is_not_earned_again(shop: Reporting) -> None:
    """The till redeems through our API, and its company reports the same use in the evening."""
    right = await shop.voucher(units=3, share=900, cost=300)
    await shop.redeem(right)
    assert (await shop.say(right, "used")).verdict == "taken"
    assert await shop.units(right) == (2, 0, 1)
    await shop.say(right, "used")
    assert await shop.units(right) == (1, 0, 2)
    assert await shop.books(right) == {"earned": 600, "cost": 200, "payable": 200}


async def test_a_promise_at_a_till_is_waited_for(tools: Tools, shop: Reporting) -> None:
    """Prepared and reported: the report may be of that very use. Released, the till meant something else."""
    right = await shop.voucher(units=2)
    held = await shop.prepare(right)
    await shop.say(right, "used")
    assert await shop.units(right) == (1, 1, 0)
    await redeem.release(tools, shop.partner_id, held.id)
    await again(shop, right, "redemption.released")
    assert await shop.units(right) == (1, 0, 1)


async def test_a_report_is_the_confirm_that_never_came(tools: Tools, shop: Reporting) -> None:
    """The till prepared, gave the goods and lost its line; the report arrives first, the late confirm afterwards."""
    right = await shop.voucher(units=3, share=900, cost=300)
    held = await shop.prepare(right)
    shop.forward(minutes=10)
    await expire.run(tools)
    await shop.say(right, "used", at=tools.clock.now() - timedelta(minutes=10))
    assert await shop.units(right) == (2, 0, 1)
    done, _ = await redeem.confirm(tools, shop.partner_id, held.id)
    assert done.state == "redeemed"
    assert await shop.units(right) == (2, 0, 1)
    assert await shop.books(right) == {"earned": 300, "cost": 100, "payable": 100}


@pytest.mark.parametrize(
    ("reported", "answer", "used"),
    [(1, ("redeemed", 1), 2), (2, "redemption.expired", 2), (3, "redemption.expired", 3)],
)
async def test_a_late_confirm_takes_what_no_report_has_spoken_of(
    tools: Tools, shop: Reporting, reported: int, answer: Any, used: int
) -> None:
    """A till prepared two and lost its line; its company reports them one by one, and then the line is back."""
    right = await shop.voucher(units=4, share=1000, cost=400)
    held = await shop.prepare(right, 2)
    shop.forward(minutes=6)
    await expire.run(tools)
    for _ in range(reported):
        await shop.say(right, "used")
    for _ in range(2):
        if isinstance(answer, str):
            assert await refusal(redeem.confirm(tools, shop.partner_id, held.id)) == answer
        else:
            done, _ = await redeem.confirm(tools, shop.partner_id, held.id)
            assert (done.state, done.units) == answer
        assert await shop.units(right) == (4 - used, 0, used)
        assert await shop.books(right) == {"earned": 250 * used, "cost": 100 * used, "payable": 100 * used}
    await again(shop, right, "redemption.redeemed")
    assert await shop.units(right) == (4 - used, 0, used)


async def test_many_drifts_are_settled_as_they_were_seen(shop: Reporting) -> None:
    """Three rights that they have cancelled; while somebody looks, a fourth. What cannot be followed stays open."""
    first, held, third = [await shop.top_up() for _ in range(3)]
    for right in (first, held, third):
        await shop.say(right, "cancelled")
    await hold.hold(shop.tools, held.id, "dispute", by="operator:o", until=None)
    about = Wanted(shop.partner_id, "we_active_they_ended")
    counted = await settle.settle_all(shop.tools, about, "follow", note="", dry_run=True, by="operator:o")
    shop.forward(minutes=1)
    fourth = await shop.top_up()
    await shop.say(fourth, "cancelled")
    assert await refusal(settle.settle_all(shop.tools, about, "follow", note="", dry_run=False, by="operator:o")) == (
        "usage.drifts_unseen"
    )
    seen = replace(about, until=counted[2])
    done = await settle.settle_all(shop.tools, seen, "follow", note="refunded", dry_run=False, by="operator:o")
    assert (counted[:2], done[:2]) == ((3, 0), (3, 2))
    assert [(await shop.see(right)).state for right in (first, held, third, fourth)] == [
        "ended", "active", "ended", "active",
    ]  # fmt: skip
    assert {one.entitlement_id for one in await shop.drifts(state="open")} == {held.id, fourth.id}


async def test_a_reversed_use_is_not_taken_again_by_itself(tools: Tools, shop: Reporting) -> None:
    right = await shop.voucher(units=2)
    made = await shop.redeem(right)
    await shop.say(right, "used")
    await redeem.reverse(tools, shop.partner_id, made.id)
    await again(shop, right, "redemption.reversed")
    assert await shop.units(right) == (2, 0, 0)
    [drift] = await shop.drifts(right)
    assert (drift.kind, drift.state, drift.theirs[:12]) == ("they_used_more", "open", "used, 1 used")


async def test_expired_at_its_time_is_followed_and_early_is_listed(shop: Reporting) -> None:
    """The books of an end that they tell are those of an end by our own clock: what was not used is earned."""
    right = await shop.voucher(units=2, days=10, share=1000, cost=400)
    assert (await shop.say(right, "expired")).drifts == ("we_active_they_ended",)
    assert (await shop.see(right)).state == "active"
    [drift] = await shop.drifts(right, "open")
    shop.forward(days=9, hours=12)
    assert (await shop.say(right, "expired")).drifts == ()
    assert (await shop.see(right)).ended_why == "expired"
    assert await shop.books(right) == {"earned": 1000, "cost": 0, "payable": 0}
    [after] = await shop.drifts(right)
    assert (after.id, after.state, after.how, after.by) == (drift.id, "repaired", "followed", "rule")
    assert (await shop.facts(right)).count("entitlement.ended") == 1
    # A use of before, told late: the partner is owed for it, and nothing is earned a second time.
    await shop.say(right, "used", at=shop.tools.clock.now() - timedelta(days=1))
    assert await shop.books(right) == {"earned": 1000, "cost": 200, "payable": 200}


async def test_cancelled_is_a_persons_question_unless_a_policy_says_otherwise(tools: Tools, shop: Reporting) -> None:
    """The buyer paid for it: by the careful rule it is listed. A person follows, keeps ours, or leaves a note."""
    followed, kept, by_policy = [await shop.top_up(validity=Validity(30)) for _ in range(3)]
    for right in (followed, kept):
        assert (await shop.say(right, "cancelled")).drifts == ("we_active_they_ended",)
    [first], [second] = await shop.drifts(followed, "open"), await shop.drifts(kept, "open")
    assert (first.ours, first.theirs[:9], first.benefit) == ("active", "cancelled", "some-top_up")
    noted = await settle.settle(tools, first.id, "note", note="asked them", entitlement_id=None, by="operator:o")
    assert (noted.state, noted.note) == ("open", "asked them")
    done = await settle.settle(tools, first.id, "follow", note="refunded", entitlement_id=None, by="operator:o")
    assert (done.state, done.how, done.by, done.note) == ("repaired", "followed", "operator:o", "refunded")
    assert (await shop.see(followed)).ended_why == "cancelled"
    assert await refusal(
        settle.settle(tools, first.id, "keep", note="", entitlement_id=None, by="o")
    ) == "usage.drift_settled"  # fmt: skip
    done = await settle.settle(tools, second.id, "keep", note="", entitlement_id=None, by="operator:o")
    assert (done.state, done.how) == ("accepted", "kept")
    await again(shop, kept, "entitlement.freed")  # the same words are not listed again
    assert (await shop.see(kept)).state == "active"
    assert await shop.drifts(kept, "open") == []
    await shop.policy("some-top_up", cancelled="follow")
    await shop.say(by_policy, "cancelled")
    assert (await shop.see(by_policy)).ended_why == "cancelled"
    assert sorted(await shop.facts(followed)) == ["entitlement.ended", "usage.drifted", "usage.settled"]


async def test_a_new_policy_looks_at_what_is_listed(tools: Tools, shop: Reporting) -> None:
    rights = [await shop.top_up(validity=Validity(30)) for _ in range(2)]
    await shop.tell(*[shop.event(right, "cancelled") for right in rights])
    assert len(await shop.drifts(state="open")) == 2
    await shop.policy("some-top_up", cancelled="follow")
    await report.apply_policy(tools, {"partner": str(shop.partner_id)})
    assert {one.how for one in await shop.drifts()} == {"followed"}
    assert {(await shop.see(right)).ended_why for right in rights} == {"cancelled"}


async def test_what_is_not_delivered_here_waits_for_its_delivery(shop: Reporting) -> None:
    """They have activated what our supplier has not confirmed yet: listed, and over by itself when it arrives."""
    right = await shop.top_up("delivering")
    assert (await shop.say(right, "activated")).drifts == ("they_active_we_pending",)
    [drift] = await shop.drifts(right, "open")
    assert await refusal(
        settle.settle(shop.tools, drift.id, "follow", note="", entitlement_id=None, by="o")
    ) == "usage.cannot_follow"  # fmt: skip
    await shop.wallet.arrive(right)
    await again(shop, right, "item.delivered")
    [drift] = await shop.drifts(right)
    assert (drift.state, drift.how) == ("repaired", "agreed")


async def test_they_have_it_and_we_do_not(tools: Tools, shop: Reporting) -> None:
    """A number that we do not know is listed; a person says what it means, and what was reported under it counts."""
    right = await shop.voucher(units=3, share=900, cost=300)
    for event_id in ("n1", "n1", "n2"):
        assert (await shop.say("STRANGE-1", "used", id=event_id)).code == "entitlement.not_found"
    [drift] = await shop.drifts()
    assert (drift.kind, drift.reference, drift.state) == ("theirs_unknown_to_us", "outer_number:STRANGE-1", "open")
    assert await refusal(
        settle.settle(tools, drift.id, "follow", note="", entitlement_id=None, by="o")
    ) == "usage.right_needed"  # fmt: skip
    other = await Reporting(tools).voucher()
    assert await refusal(
        settle.settle(tools, drift.id, "follow", note="", entitlement_id=other.id, by="o")
    ) == "entitlement.not_found"  # fmt: skip
    done = await settle.settle(tools, drift.id, "follow", note="", entitlement_id=right.id, by="o")
    assert (done.state, done.how, done.entitlement_id) == ("repaired", "linked", right.id)
    assert await shop.units(right) == (1, 0, 2)
    assert (await shop.say("STRANGE-1", "used", id="n2")).verdict in ("repeated", "refused")
    assert (await shop.say("STRANGE-1", "used")).verdict == "taken"
    assert await shop.books(right) == {"earned": 900, "cost": 300, "payable": 300}


async def test_held_rights_wait_for_a_person(shop: Reporting) -> None:
    right = await shop.voucher(units=2)
    await shop.wallet.hold(right, "dispute")
    assert (await shop.say(right, "used")).drifts == ("they_used_more",)
    assert await shop.units(right) == (2, 0, 0)


async def test_any_order_any_number_of_times_the_same_books(tools: Tools) -> None:
    """Twenty shuffles of a voucher's life, each event up to three times, in batches: one end, in rights and books."""
    chance, ends = random.Random(7), set()
    for _ in range(20):
        shop = Reporting(tools)
        await shop.policy(cancelled="follow", expired="follow")
        right = await shop.voucher(units=4, share=1000, cost=400)
        shop.forward(days=20)
        now = tools.clock.now()
        life = [("activated", 1), ("used", 2), ("used", 3), ("expired", 9), ("cancelled", 5)]
        events = [(f"e{n}", kind, now - timedelta(days=20 - day)) for n, (kind, day) in enumerate(life)]
        stream = [one for one in events for _ in range(chance.randint(1, 3))]
        chance.shuffle(stream)
        while stream:
            size = chance.randint(1, 4)
            batch, stream = stream[:size], stream[size:]
            await shop.tell(*[shop.event(right, kind, id=id, at=at) for id, kind, at in batch])
        seen, books = await shop.see(right), await shop.books(right)
        ends.add((seen.state, seen.ended_why, seen.units_left, seen.provider_state, *books.values()))
    assert ends == {("ended", "expired", 2, "expired", 1000, 200, 200)}


async def test_reports_are_kept_for_a_year_and_their_numbers_for_ever(tools: Tools, shop: Reporting) -> None:
    right = await shop.voucher(units=3)
    event = shop.event(right, "used")
    await shop.tell(event)

    async def kept() -> int:
        async with tools.db.transaction() as tx:
            await usage.reports.forget(tx, now=tools.clock.now())
            return len(await usage.reports.search(tx, entitlement=right.id, limit=10))

    shop.forward(days=300)
    assert await kept() == 1
    shop.forward(days=100)
    assert await kept() == 0
    assert (await shop.tell(event_again(shop, event)))[0].verdict == "repeated"


async def test_statements_do_not_grow_with_the_batch(tools: Tools, shop: Reporting) -> None:
    counts = []
    for size in (2, 40):
        rights = [await shop.voucher(units=3) for _ in range(size)]
        events = [shop.event(right, "used") for right in rights] + [shop.event(rights[0], "cancelled")]
        async with tools.db.transaction() as tx:
            counting = Counting(tx.connection)
            answers = await report.take_in(counting, shop.partner_id, events, origin="pushed", now=tools.clock.now())
        assert {one.verdict for one in answers.values()} == {"taken"}
        counts.append(counting.count)
    assert counts[0] == counts[1] < 40


class Counting(Tx):
    count = 0

    async def _send(self, sql, values):  # type: ignore[no-untyped-def]
        self.count += 1
        return await super()._send(sql, values)


def replaced(right: Right, id: UUID) -> Right:
    return replace(right, id=id)


def event_again(shop: Reporting, event: Event) -> Event:
    return replace(event, id=new_id(millis(shop.tools.clock.now())))


async def again(shop: Reporting, right: Right, name: str) -> None:
    """Our side moved, and the relay has come by."""
    fact = Fact(name, {}, right.lane, right.order_id, right.item_id, right.id, right.channel_id, right.partner_id)
    await report.reconsider(shop.tools, [fact])
