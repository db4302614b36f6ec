"""Partners that are polled: page by page to the end, from the last cursor after a crash, in both directions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import httpx2
import pytest
from tests.flows.test_report import Reporting
from tests.provision.entitlement.making import Validity
from tests.provision.fulfilment.shops import Shop as Supplier
from tests.provision.fulfilment.shops import open_shop, secret_of
from tests.simulator.speaking import Kasushou, World, until

from heyi.flows import ask, poll, report, settle
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, OffsetClock
from heyi.kernel.errors import Refused
from heyi.provision import usage
from heyi.provision.entitlement import Right
from heyi.provision.usage.lists import Claimed, Source
from heyi.provision.usage.readers import READERS, partner_rights

_numbers = itertools.count(1)
FRESH_S = 3600


@dataclass
class Polled:
    """A partner that tells only when it is asked: the simulator's shop, and our rights by its numbers."""

    tools: Tools
    supplier: Supplier
    shop: Reporting
    source: Source
    bought: list[str] = field(default_factory=list)

    def buy(self, count: int = 1) -> list[str]:
        """Rights at the partner. We know their numbers only when a test links them."""
        till = Kasushou(World(self.supplier.url), self.supplier.name, key=secret_of(self.supplier.name))
        made = [f"polled{next(_numbers)}-1" for _ in range(count)]
        for number in made:
            assert till.buy(number)[0]
        until(lambda: all(self.supplier.delivered(number) for number in made))
        self.bought += made
        return made

    def mark(self, numbers: list[str], state: str, changed_at: str | None = None) -> None:
        url = f"{self.supplier.url}/control/suppliers/{self.supplier.name}/rights"
        httpx2.put(url, json={"outer": numbers, "state": state, "changed_at": changed_at}).raise_for_status()

    async def link(self, number: str, right: Right) -> None:
        async with self.tools.db.transaction() as tx:
            await usage.link(tx, self.shop.partner_id, f"outer_number:{number}", right.id)

    async def deliver(self, right: Right, number: str) -> None:
        """As fulfilment keeps it: a task of this right, and the attempt under this number."""
        task = {"lane": right.lane, "id": uuid4(), "item": right.item_id, "order": right.order_id, "right": right.id,
                "number": number, "supplier": self.supplier.id, "now": self.tools.clock.now()}  # fmt: skip
        async with self.tools.db.transaction() as tx:
            await tx.run(
                "insert into fulfilment.tasks (lane, id, item_id, order_id, entitlement_id, purpose, kind, benefit_id,"
                " offer_id, state, request, created_at) values (%(lane)s, %(id)s, %(item)s, %(order)s, %(right)s,"
                " 'deliver', 'top_up', %(id)s, %(id)s, 'delivered', '{}', %(now)s)", **task,
            )  # fmt: skip
            await tx.run(
                "insert into fulfilment.attempts (lane, id, task_id, item_id, order_id, number, outer_number,"
                " supplier_id, offer_id, product_no, state, started_at, sent_until) values (%(lane)s, %(id)s, %(id)s,"
                " %(item)s, %(order)s, 1, %(number)s, %(supplier)s, %(id)s, '', 'delivered', %(now)s, %(now)s)", **task,
            )  # fmt: skip

    async def claim(self) -> list[Claimed]:
        async with self.tools.db.transaction() as tx:
            found = await usage.sources.claim(
                tx, self.tools.sealing, most=100, now=self.tools.clock.now(), wall=self.tools.clock.wall()
            )
        return [one for one in found if one.partner_id == self.shop.partner_id]

    async def poll(self, *, again: bool = False) -> Source:
        """On demand, as the operator's door asks for it, and a worker that comes by."""
        async with self.tools.db.transaction() as tx:
            now = self.tools.clock.now()
            await usage.sources.poll_soon(tx, self.source.id, again=again, now=now, wall=self.tools.clock.wall())
        for source in await self.claim():
            await poll.poll(self.tools, source)
        return await self.now()

    async def now(self) -> Source:
        async with self.tools.db.reading() as tx:
            return await usage.sources.find(tx, self.source.id, wall=self.tools.clock.wall())

    async def drifts(self) -> list[tuple[str, str, str | None]]:
        return [(one.kind, one.state, one.how) for one in await self.shop.drifts()]


@pytest.fixture
async def polled(tools: Tools, simulator_url: str) -> Polled:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = OffsetClock().now()  # the simulator lives in real time
    supplier, shop = await open_shop(tools, simulator_url), Reporting(tools)
    async with tools.db.transaction() as tx:
        source = await usage.sources.make(
            tx, tools.sealing, partner_id=shop.partner_id, protocol="partner_rights",
            base_url=f"{simulator_url}/partner/{supplier.name}", key=f"{supplier.name}-partner-key", interval_s=60,
            fresh_s=FRESH_S, now=tools.clock.now(), wall=tools.clock.wall(),
        )  # fmt: skip
    return Polled(tools, supplier, shop, source)


async def test_a_list_is_read_to_its_end_and_then_only_what_changed(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven rights in pages of three, which overlap by one; then one change. What is read and followed is listed as
    repaired.
    """
    monkeypatch.setattr(partner_rights, "LIMIT", 3)
    numbers = polled.buy(7)
    right = await polled.shop.key()
    await polled.link(numbers[0], right)
    seen = await polled.poll()
    assert (seen.pages, seen.rights, seen.problem, seen.failures, seen.busy) == (3, 9, None, 0, False)
    assert seen.drained_at == polled.tools.clock.now()
    assert (await polled.shop.see(right)).provider_state == "pending"
    polled.mark([numbers[0]], "activated")
    seen = await polled.poll()
    assert (seen.pages, seen.rights) == (4, 10)
    assert (await polled.shop.see(right)).state == "active"
    [drift] = await polled.shop.drifts(right)
    assert (drift.kind, drift.state, drift.how, drift.origin, drift.ours) == (
        "they_active_we_pending", "repaired", "followed", "polled", "pending_activation",
    )  # fmt: skip
    # From the start once more: every right is seen again, and nothing happens twice.
    seen = await polled.poll(again=True)
    assert seen.rights == 19
    assert len(await polled.shop.drifts()) == 7
    assert len([one for one in await polled.shop.reports() if one.entitlement_id]) == 2


async def test_another_worker_goes_on_from_the_last_cursor(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker dies after its first page. Another reads the rest when its lease is over; its late page is void."""
    monkeypatch.setattr(partner_rights, "LIMIT", 2)
    polled.buy(5)
    [dead] = await polled.claim()
    page = await ask.read(
        polled.tools,
        READERS[dead.protocol].page(dead.base_url, dead.key, dead.cursor, latest=ask.latest(polled.tools)),
    )
    assert await poll._take_in(polled.tools, dead, page, polled.tools.clock.wall())
    assert await polled.claim() == []
    assert (await polled.now()).busy
    polled.shop.forward(seconds=usage.sources.LEASE_S + 1)
    [heir] = await polled.claim()
    assert heir.cursor == page.cursor
    await poll.poll(polled.tools, heir)
    assert not await poll._take_in(polled.tools, dead, page, polled.tools.clock.wall())
    seen = await polled.now()
    assert (seen.pages, seen.rights, seen.busy) == (4, 8, False)


async def test_rights_that_only_they_have_are_listed_once_and_can_be_explained(polled: Polled) -> None:
    """They have it, we do not: until somebody says which right of ours it is. Then their whole list is read again."""
    [number] = polled.buy()
    polled.mark([number], "activated")
    for _ in range(2):
        await polled.poll(again=True)
    [drift] = await polled.shop.drifts()
    assert (drift.kind, drift.reference, drift.state) == ("theirs_unknown_to_us", f"outer_number:{number}", "open")
    right = await polled.shop.key()
    await settle.settle(polled.tools, drift.id, "follow", note="", entitlement_id=right.id, by="operator:o")
    assert (await polled.now()).cursor is None
    for source in await polled.claim():
        await poll.poll(polled.tools, source)
    assert (await polled.shop.see(right)).state == "active"


async def test_a_number_that_becomes_known_is_no_question_any_more(polled: Polled) -> None:
    """Their list was faster than our delivery: once we have it too, the next word about it closes the drift."""
    [number] = polled.buy()
    await polled.poll()
    [drift] = await polled.shop.drifts(state="open")
    assert drift.kind == "theirs_unknown_to_us"
    right = await polled.shop.key()
    await polled.deliver(right, number)
    polled.mark([number], "activated")
    await polled.poll()
    assert (await polled.shop.see(right)).state == "active"
    drift = next(one for one in await polled.shop.drifts(right) if one.id == drift.id)
    assert (drift.state, drift.how, drift.by, drift.reference) == (
        "repaired", "agreed", "rule", f"outer_number:{number}",
    )  # fmt: skip
    await polled.poll(again=True)
    assert await polled.shop.drifts(state="open") == []


async def test_a_right_that_we_ended_and_they_honour(polled: Polled) -> None:
    """Cancelled here; their list still says activated, of a moment long after."""
    [number] = polled.buy()
    right = await polled.shop.top_up()
    await polled.link(number, right)
    await polled.shop.policy(cancelled="follow")
    await polled.shop.say(right, "cancelled", at=polled.tools.clock.now() - timedelta(days=2))
    polled.mark([number], "activated")
    await polled.poll()
    assert (await polled.shop.see(right)).ended_why == "cancelled"
    kinds = {one.kind for one in await polled.shop.drifts(right, "open")}
    assert kinds == {"we_ended_they_active"}


async def test_a_partner_that_is_down_is_tried_later_and_later(polled: Polled) -> None:
    polled.supplier.faults({"fault": "error_500_before_accept", "on": "look"})
    gaps = []
    for _ in range(3):
        seen = await polled.poll() if not gaps else await _due(polled)
        assert seen.problem == "status 500"
        assert seen.due_at is not None
        gaps.append((seen.due_at - polled.tools.clock.now()).total_seconds())
    assert gaps == [120.0, 240.0, 480.0]
    polled.supplier.faults({"fault": "unreadable_body", "on": "look"})
    assert "unreadable" in ((await polled.poll()).problem or "")
    polled.supplier.faults()
    seen = await polled.poll()
    assert (seen.problem, seen.failures) == (None, 0)
    assert seen.due_at == polled.tools.clock.now() + timedelta(seconds=60)


async def _due(polled: Polled) -> Source:
    due = (await polled.now()).due_at
    assert due is not None
    polled.tools.clock.at = due  # type: ignore[attr-defined]
    for source in await polled.claim():
        await poll.poll(polled.tools, source)
    return await polled.now()


async def test_a_new_word_is_noticed_instead_of_skipped(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that we do not know makes the page unreadable: the cursor stays before it."""
    [number] = polled.buy()
    monkeypatch.delitem(partner_rights.STATES, "used")
    polled.mark([number], "used")
    seen = await polled.poll()
    assert "state 'used'" in (seen.problem or "")
    assert (seen.cursor, seen.rights) == (None, 0)


async def test_what_cannot_be_asked_is_said(polled: Polled) -> None:
    right = await polled.shop.key()
    with pytest.raises(Refused, match=r"usage\.no_number"):
        await ask.about(polled.tools, right.id)
    other = await Reporting(polled.tools).key()
    with pytest.raises(Refused, match=r"usage\.not_polled"):
        await ask.about(polled.tools, other.id)


async def test_rights_that_were_silent_for_too_long_are_asked_about(polled: Polled) -> None:
    """Three top-ups, delivered under their numbers. One they do not know; of another the news came late, dated back
    behind the cursor, where no list of changes shows it. The comparison finds both, and asks nobody twice.
    """
    numbers = polled.buy(3)
    rights = [await polled.shop.top_up(validity=Validity(30)) for _ in numbers]
    for right, number in zip(rights, numbers, strict=True):
        await polled.deliver(right, number)
    async with polled.tools.db.transaction() as tx:
        expected = {right.id: polled.shop.partner_id for right in rights}
        await usage.expect(tx, expected, now=polled.tools.clock.now())
    assert (await polled.poll()).compared == 0  # all three were named just now
    polled.mark([numbers[0]], "missing")
    polled.mark([numbers[1]], "cancelled", "2026-01-02T00:00:00+00:00")
    polled.shop.forward(seconds=FRESH_S + 1)
    seen = await polled.poll()
    assert (seen.compared, seen.problem) == (3, None)
    found = {one.entitlement_id: (one.kind, one.origin) for one in await polled.shop.drifts(state="open")}
    assert found == {
        rights[0].id: ("ours_unknown_to_them", "asked"), rights[1].id: ("we_active_they_ended", "asked"),
    }  # fmt: skip
    assert (await polled.poll()).compared == 3
    [drift] = await polled.shop.drifts(rights[0])
    await settle.settle(polled.tools, drift.id, "follow", note="never honoured", entitlement_id=None, by="operator:o")
    assert (await polled.shop.see(rights[0])).ended_why == "cancelled"
    await ask.about(polled.tools, rights[2].id)
    assert (await polled.shop.see(rights[2])).state == "active"


async def test_a_source_that_comes_late_expects_what_was_delivered_before(polled: Polled) -> None:
    rights = [await polled.shop.key() for _ in range(3)]
    await report.expect_all(polled.tools, {"partner": str(polled.shop.partner_id)})
    async with polled.tools.db.transaction() as tx:
        since: datetime = polled.tools.clock.now()
        found = await usage.silent(tx, polled.shop.partner_id, since=since, most=10)
    assert set(found) == {right.id for right in rights}
