"""Whatever is sent to the address of a supplier account: nothing breaks, no state moves, and it is kept as it came.

The one thing that may change is that a query comes sooner, for a number of ours that the message truly is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from tests.provision.fulfilment.fuzzing import CODES, RAW, STRANGE, examples_of, knock, signed
from tests.provision.fulfilment.making import attempts_of, part, planned, task_of

from heyi.app.web import make_litestar
from heyi.doors.front import Front
from heyi.flows import deliver
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.talk import Unknown
from heyi.provision.fulfilment import Plan, accounts, delivering, heard, hearing
from heyi.provision.fulfilment.judging import DOUBTFUL_BYTES_MAX
from heyi.provision.fulfilment.suppliers import DIALECTS, SHIPPED, Callback

LAST = "select * from fulfilment.callbacks where supplier_id = %(id)s order by id desc limit 1"
STRANGERS = ("", "x", "01k742sg00eq9aqqfvrzv91hqh-1", "9" * 400, "\x00", "王", "01k742sg00eq9aqqfvrzv91hqh-99999")
CHARSETS = ("utf-8", "gbk", "utf-16", "undefined", "x", "\xff")


@dataclass(frozen=True)
class Sent:
    """One thing to be sent. `good`: what it was made of is about our number, signed and fresh."""

    make: Callable[[str, dict[str, str], str, str, datetime], Callback]
    good: bool = False


@st.composite
def sendings(draw: Any) -> Sent:
    how = draw(st.sampled_from(["raw", "raw", "strange", "strange", "stranger", "bent", "bent"]))
    headers = {"content-type": f"{draw(st.sampled_from(['application/json', 'text/xml', '']))}; charset="
                               f"{draw(st.sampled_from(CHARSETS))}"}  # fmt: skip
    if how == "raw":
        body, query = draw(RAW), draw(st.text("abc=&%[]+01\x7f", max_size=30))
        return Sent(lambda *_: Callback(headers, query, body))
    more = draw(st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=6), STRANGE, max_size=4))
    if how == "stranger":
        other = draw(st.one_of(st.sampled_from(STRANGERS), STRANGE))
        return Sent(lambda code, keys, path, _, at: _with(signed(code, keys, path, other, at, more), headers))
    if how == "strange":
        return Sent(lambda code, keys, path, outer, at: _with(signed(code, keys, path, outer, at, more), headers), True)
    seed = draw(st.randoms(use_true_random=False))
    pick = seed.random()

    def broken(code: str, keys: dict[str, str], path: str, outer: str, at: datetime) -> Callback:
        whole = signed(code, keys, path, outer, at, more)
        place = int(pick * max(1, len(whole.body) - 1))
        cut = [whole.body[:place], whole.body * 2, whole.body[:place] + b"\xff" + whole.body[place:],
               whole.body[::-1], whole.body[:place] + b"0" + whole.body[place + 1 :]]  # fmt: skip
        return Callback(whole.headers, whole.query, cut[int(pick * 1e6) % len(cut)])

    return Sent(broken)


def _with(one: Callback, headers: dict[str, str]) -> Callback:
    return Callback({**headers, **one.headers}, one.query, one.body)


@pytest.fixture(scope="module")
async def app(tools: Tools) -> Front:
    return Front(make_litestar(tools))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shop:
    """An account with one purchase under way."""

    code: str
    keys: dict[str, str]
    id: UUID
    path: str
    plan: Plan
    outer: str

    def told(self, at: datetime, **more: Any) -> Callback:
        return signed(self.code, self.keys, self.path, self.outer, at, more)


async def shop_of(tools: Tools, code: str, name: str) -> Shop:
    keys = {one.name: f"{name}-{one.name}-0123456789abcdef"[:32] for one in DIALECTS[code].credentials}
    async with tools.db.transaction() as tx:
        shop = await accounts.make(
            tx, tools.sealing, code=name.replace("_", "-"), title=code, dialect=code, base_url="http://127.0.0.1:1",
            credentials=keys, slots=20, timeout_ms=1000, typical_ms=3_600_000, public_url="",
            now=tools.clock.now(),
        )  # fmt: skip
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id, kind=DIALECTS[code].kinds[0]))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    await deliver.record(tools, [delivering.finish(errand, Unknown("silence"), [], tools.clock.now())])
    return Shop(code, keys, shop.id, shop.callback_url, plan, errand.outer_number)


async def last(tools: Tools, shop: Shop) -> tuple[Any, Callback, str]:
    """The newest callback of an account: its row, what was kept of it, and what operators are shown."""
    async with tools.db.reading() as tx:
        row = await tx.row(LAST, id=shop.id)
        assert row is not None
        kept = hearing.opened(tools.sealing, row)
        shown = await heard.find(tx, tools.sealing, row.id)
    assert kept is not None
    return row, kept, f"{shown.headers}\n{shown.query}\n{shown.body}"


async def later(tools: Tools, shop: Shop) -> None:
    """Its next query is a day away, as if nobody had called."""
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.tasks set due_at = %(at)s, heard = false where id = %(id)s",
                     at=tools.clock.now() + timedelta(days=1), id=shop.plan.id)  # fmt: skip


@pytest.mark.parametrize("code", CODES)
async def test_callbacks_of_every_sort(tools: Tools, app: Front, code: str) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)
    shop = await shop_of(tools, code, code)
    await later(tools, shop)
    moved = 0
    for sent in examples_of(sendings(), 25):
        tools.clock.forward(timedelta(minutes=1))
        callback = sent.make(code, shop.keys, shop.path, shop.outer, tools.clock.wall())
        before = (await task_of(tools, shop.plan), await attempts_of(tools, shop.plan))
        status, said = await knock(app, shop.path, callback)
        assert status in (200, 400), (callback, said)
        task, tried = await task_of(tools, shop.plan), await attempts_of(tools, shop.plan)
        assert tried == before[1], callback
        known = {"due_at": before[0].due_at, "heard": before[0].heard}
        assert task._replace(**known) == before[0], callback
        if "%00" in callback.query:  # refused at the front door
            assert task == before[0]
            continue
        row, kept, _ = await last(tools, shop)
        trusted = row.verdict == "trusted"
        assert row.bytes == len(callback.body)
        assert (kept.method, kept.query) == ("POST", as_sent(callback.query)), callback
        assert kept.body == (callback.body if trusted else callback.body[:DOUBTFUL_BYTES_MAX]), callback
        assert {name: as_sent(value) for name, value in callback.headers.items()}.items() <= kept.headers.items()
        assert (status == 200) == (row.verdict in ("trusted", "repeat", "stranger"))
        assert not trusted or row.outer_number == shop.outer
        if trusted:
            moved += 1
            assert task.due_at == tools.clock.now()
            await later(tools, shop)
        else:
            assert task == before[0], callback
    calls = SHIPPED[code].callback is not None
    assert moved or not calls, "not one good message got through: nothing was tried"


@pytest.mark.parametrize("code", [code for code in CODES if SHIPPED[code].callback is not None])
async def test_what_is_wrong_in_one_thing_moves_nothing(tools: Tools, app: Front, code: str) -> None:
    """Good but for its signature, its time, its number, or that it came before; and nobody is shown what it hides."""
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)
    mine, theirs = await shop_of(tools, code, f"{code}-a"), await shop_of(tools, code, f"{code}-b")
    await later(tools, mine)
    calling, secret = SHIPPED[code].callback, "S3CRET-CARD-0123456789"
    assert calling is not None
    name = min(DIALECTS[code].hidden.names)

    async def call(one: Callback, verdict: str) -> None:
        tools.clock.forward(timedelta(seconds=1))  # type: ignore[attr-defined]
        key = max(mine.keys.values(), key=len)
        one = replace(one, headers={**one.headers, "x-note": f"key {key}"})
        before = await task_of(tools, mine.plan)
        status, said = await knock(app, mine.path, one)
        row, kept, shown = await last(tools, mine)
        assert row.verdict == verdict, (one, row.verdict)
        assert status == (200 if verdict in ("trusted", "repeat", "stranger") else 400), said
        assert secret in repr(kept)
        assert kept.headers["x-note"] == f"key {key}"
        assert "S3CRET" not in shown, shown
        assert not [value for one, value in mine.keys.items() if one in secrets and value in shown], shown
        if verdict == "trusted":
            assert (await task_of(tools, mine.plan)).due_at == tools.clock.now()
            await later(tools, mine)
        else:
            assert await task_of(tools, mine.plan) == before, (verdict, one)

    secrets = {one.name for one in DIALECTS[code].credentials if one.secret}
    at = tools.clock.wall()
    good = mine.told(at, **{name: secret})
    forged = signed(
        code, {one: f"{value}x" for one, value in mine.keys.items()}, mine.path, mine.outer, at, {name: secret}
    )
    await call(forged, "unsigned")
    await call(replace(good, headers={}, query="") if calling.signature and calling.signature.put != "field"
               else replace(good, body=forged.body), "unsigned")  # fmt: skip
    if calling.fresh is not None:
        old = at - timedelta(seconds=calling.fresh.window_s + 3600)
        await call(mine.told(old, **{name: secret}), "stale")
        await call(mine.told(at + timedelta(seconds=calling.fresh.window_s + 3600), **{name: secret}), "stale")
    await call(signed(code, mine.keys, mine.path, theirs.outer, at, {name: secret}), "stranger")
    await call(good, "trusted")
    await call(good, "repeat")
    await call(replace(good, query=f"{good.query}&unsigned=1") if good.query else good, "repeat")
    if calling.fresh is not None:  # signed anew, it is news
        await call(mine.told(tools.clock.wall(), **{name: secret}), "trusted")


def as_sent(text: str) -> str:
    """What comes through HTTP's bytes."""
    return text.encode("latin-1", "replace").decode("latin-1")
