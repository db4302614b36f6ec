"""Partners whose lists make no sense here and there: one bad row, a clock that runs ahead, pages that go in circles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.flows.test_report import Reporting

from heyi.flows import ask, poll
from heyi.infra.tools import Tools
from heyi.provision import usage
from heyi.provision.entitlement import Right
from heyi.provision.usage.lists import Claimed, Source

FRESH_S = 3600


@dataclass
class Strange:
    """A partner over HTTP that says exactly what a test puts into its mouth: `rows` by their time, or whole `pages`."""

    shop: Reporting
    url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, dict[str, Any]] | None = None
    asked: list[list[str]] = field(default_factory=list)
    at_once: int = 500

    @property
    def tools(self) -> Tools:
        return self.shop.tools

    def row(self, number: object, state: str, *, days: float = 0, **more: Any) -> None:
        at = (self.tools.clock.now() + timedelta(days=days)).isoformat()
        self.rows.append({"outer_no": number, "state": state, "changed_at": at, **more})

    def answer(self, since: str, outer: list[str]) -> dict[str, Any]:
        if outer:
            self.asked.append(outer)
            found = [one for one in self.rows if one["outer_no"] in outer]
        elif self.pages is not None:
            return self.pages[since]
        else:
            found = [one for one in self.rows if str(one["changed_at"]) > since]
            found.sort(key=lambda one: str(one["changed_at"]))
        return {"rights": found[: self.at_once], "more": len(found) > self.at_once}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        query = parse_qs(urlsplit(head.split()[1].decode()).query)
        outer = [one for one in query.get("outer", [""])[0].split(",") if one]
        body = json.dumps(self.answer(query.get("since", [""])[0], outer)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def right(self, number: str, **more: Any) -> Right:
        right = await self.shop.voucher(**more)
        async with self.tools.db.transaction() as tx:
            await usage.link(tx, self.shop.partner_id, f"outer_number:{number}", right.id)
        return right

    async def source(self) -> Source:
        async with self.tools.db.reading() as tx:
            [found] = await usage.sources.search(
                tx, text=None, partner=self.shop.partner_id, before=None, limit=1, wall=self.tools.clock.wall()
            )
        return found

    async def claim(self) -> Claimed:
        async with self.tools.db.transaction() as tx:
            found = await usage.sources.claim(
                tx, self.tools.sealing, most=100, now=self.tools.clock.now(), wall=self.tools.clock.wall()
            )
        [mine] = [one for one in found if one.partner_id == self.shop.partner_id]
        return mine

    async def soon(self, *, again: bool = False) -> None:
        id, now, wall = (await self.source()).id, self.tools.clock.now(), self.tools.clock.wall()
        async with self.tools.db.transaction() as tx:
            await usage.sources.poll_soon(tx, id, again=again, now=now, wall=wall)

    async def poll(self) -> Source:
        """As the worker does it, whatever happens."""
        await self.soon()
        await poll._safely(self.tools, await self.claim())
        return await self.source()

    async def refused(self) -> list[tuple[str, str]]:
        return sorted((one.code, one.reference) for one in await self.shop.reports() if one.verdict == "refused")


@pytest.fixture
async def strange(tools: Tools) -> AsyncIterator[Strange]:
    partner = Strange(Reporting(tools))
    server = await asyncio.start_server(partner.serve, "127.0.0.1", 0)
    partner.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with tools.db.transaction() as tx:
        await usage.sources.make(
            tx, tools.sealing, partner_id=partner.shop.partner_id, protocol="partner_rights", base_url=partner.url,
            key="a-key", interval_s=60, fresh_s=FRESH_S, now=tools.clock.now(), wall=tools.clock.wall(),
        )  # fmt: skip
    async with server:
        yield partner


async def test_one_bad_row_never_stops_the_others(strange: Strange) -> None:
    """Rows that cannot be meant, among good ones: they are refused, kept once, and told of; the rest is followed."""
    first, last = await strange.right("a-1", units=3), await strange.right("z-1", units=3)
    strange.row("a-1", "used", days=-5)
    strange.row("b-1", "used", days=-4, used=2**80)
    strange.row("c-1", "used", days=-4, used=10_001)
    strange.row("d-1", "used", days=-4, used=-1)
    strange.row("e\x00-1", "used", days=-4)
    strange.row("f" * 65, "used", days=-4)
    strange.row(7, "used", days=-4)
    strange.row("z-1", "used", days=-3, used=2, product="a\x00b")
    strange.rows.append({"outer_no": "g-1", "state": "used", "changed_at": "2026-11-01T00:00:00"})
    strange.rows.append({"outer_no": "h-1", "state": "used", "changed_at": "0001-01-01T00:00:00+14:00"})
    strange.rows.append({"outer_no": "i-1", "state": "used", "changed_at": "9999-12-31T23:59:59-14:00"})
    for _ in range(2):  # what cannot be read is shown again and again
        seen = await strange.poll()
        assert (seen.failures, seen.drained_at) == (0, strange.tools.clock.now())
    assert "make no sense" in (seen.problem or "")
    assert [(await strange.shop.see(right)).units_used for right in (first, last)] == [1, 2]
    assert await strange.refused() == [
        ("usage.malformed", ""), ("usage.malformed", ""), ("usage.malformed", ""),
        ("usage.malformed", "outer_number:g-1"), ("usage.time_wrong", "outer_number:h-1"),
        ("usage.time_wrong", "outer_number:i-1"), ("usage.units_wrong", "outer_number:b-1"),
        ("usage.units_wrong", "outer_number:c-1"), ("usage.units_wrong", "outer_number:d-1"),
    ]  # fmt: skip


async def test_a_clock_that_runs_ahead_ends_nothing_and_hides_nothing(strange: Strange) -> None:
    """One right ends in 2099, they say. It lives on, and what changes tomorrow is still seen; in 2099 it is over."""
    await strange.shop.policy(expired="follow", cancelled="follow")
    ended, used = await strange.right("a-1"), await strange.right("b-1")
    strange.row("a-1", "cancelled", days=9000)
    strange.row("b-1", "activated")
    seen = await strange.poll()
    assert (await strange.shop.see(ended)).state == "active"
    assert await strange.refused() == [("usage.time_wrong", "outer_number:a-1")]
    strange.shop.forward(days=1)
    strange.row("b-1", "used")
    assert (await strange.poll()).cursor != seen.cursor
    assert (await strange.shop.see(used)).units_used == 1
    strange.shop.forward(days=9000)
    await strange.poll()
    assert (await strange.shop.see(ended)).ended_why == "cancelled"


async def test_a_poll_that_breaks_is_tried_again_and_known(strange: Strange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug, say. The source is given back with the reason, and comes later and later, like any other failure."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(poll, "as_events", broken)
        seen = await strange.poll()
    assert (seen.busy, seen.failures, seen.problem) == (False, 1, "reading it broke: ZeroDivisionError")
    assert seen.due_at == strange.tools.clock.now() + timedelta(seconds=120)
    seen = await strange.poll()
    assert (seen.failures, seen.problem) == (0, None)


async def test_pages_that_go_in_circles_are_left(strange: Strange) -> None:
    """After A comes B, and after B comes A again, and always more: a cursor only moves forward."""
    a, b = "2026-11-20T00:00:00+00:00", "2026-11-21T00:00:00+00:00"
    page_a = {"rights": [{"outer_no": "a-1", "state": "used", "changed_at": a}], "more": True}
    page_b = {"rights": [{"outer_no": "b-1", "state": "used", "changed_at": b}], "more": True}
    strange.pages = {"": page_a, a: page_b, b: page_a}
    seen = await strange.poll()
    assert (seen.pages, seen.cursor, seen.failures) == (2, b, 1)
    assert seen.problem == "unreadable: more to come, and no way to it"


async def test_changes_of_one_moment_are_not_lost_between_two_pages(strange: Strange) -> None:
    """They have activated three at once, of which the first is the last on its page."""
    strange.at_once = 3
    rights = [await strange.right(f"n-{n}") for n in range(6)]
    for n, days in enumerate((-2, -1.5, -1, -1, -1, -0.5)):
        strange.row(f"n-{n}", "activated", days=days)
    seen = await strange.poll()
    assert (seen.pages, seen.rights, seen.problem) == (3, 7, None)
    assert [(await strange.shop.see(right)).provider_state for right in rights] == ["activated"] * 6


async def test_who_asks_for_all_of_it_while_it_is_read_gets_it(strange: Strange) -> None:
    """A worker is at it, and has the first page, when somebody asks to read it from the beginning."""
    strange.row("a-1", "activated", days=-1)
    reading = await strange.claim()
    await strange.soon(again=True)
    await poll.poll(strange.tools, reading)
    assert (await strange.source()).due_at == strange.tools.clock.now()
    again = await strange.claim()
    assert again.cursor is None
    await poll.poll(strange.tools, again)
    seen = await strange.source()
    assert (seen.rights, seen.cursor is not None, seen.due_at) == (
        2, True, strange.tools.clock.now() + timedelta(seconds=60),
    )  # fmt: skip


async def test_only_an_answer_counts_as_asked(strange: Strange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that does not answer is asked again with the next try, not after another hour."""
    silent = await _silent(strange, monkeypatch, 1)
    strange.pages = {"": {"rights": [], "more": False}}
    good, strange.asked = strange.answer, []

    def broken(since: str, outer: list[str]) -> dict[str, Any]:
        return {"rights": None} if outer else good(since, outer)

    monkeypatch.setattr(strange, "answer", broken)
    assert "unreadable" in ((await strange.poll()).problem or "")
    monkeypatch.setattr(strange, "answer", good)
    seen = await strange.poll()
    assert (seen.compared, seen.problem) == (1, None)
    [drift] = await strange.shop.drifts(silent[0])
    assert drift.kind == "ours_unknown_to_them"


async def test_what_they_leave_for_their_next_answer_is_not_unknown_to_them(
    strange: Strange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five rights, of which they tell two at once: they are asked about the rest, until the answer is whole."""
    rights = await _silent(strange, monkeypatch, 5)
    for n in range(4):
        strange.row(f"n-{n}", "activated", days=-1)
    strange.row("n-4", "activated", days=-1, used=10_001)  # makes no sense, but they know it
    strange.pages, strange.at_once, strange.asked = {"": {"rights": [], "more": False}}, 2, []
    seen = await strange.poll()
    assert (seen.compared, seen.problem, [len(one) for one in strange.asked]) == (5, None, [5, 3, 1])
    assert [(await strange.shop.see(right)).provider_state for right in rights] == [*["activated"] * 4, None]
    assert await strange.shop.drifts() == []


async def _silent(strange: Strange, monkeypatch: pytest.MonkeyPatch, count: int) -> list[Right]:
    """Rights of which they have not spoken for longer than they promise."""
    rights = {f"n-{n}": await strange.right(f"n-{n}") for n in range(count)}
    now: datetime = strange.tools.clock.now()
    async with strange.tools.db.transaction() as tx:
        await usage.expect(tx, {right.id: strange.shop.partner_id for right in rights.values()}, now=now)

    async def delivered(*_: object) -> dict[Any, str]:
        return {right.id: number for number, right in rights.items()}

    monkeypatch.setattr(ask.fulfilment.numbers, "delivered_under", delivered)
    strange.shop.forward(seconds=FRESH_S + 1)
    return list(rights.values())
