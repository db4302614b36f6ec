"""Whatever is sent to the address of a supplier account: nothing breaks, no state moves, and it is kept as it came.

The one thing that may change is that a query comes sooner, for a number of ours that the message truly is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from litestar import Litestar
from tests.provision.fulfilment.fuzzing import CODES, RAW, STRANGE, examples_of, knock, signed
from tests.provision.fulfilment.making import attempts_of, part, planned, task_of

from heyi.app.web import make_litestar
from heyi.flows import deliver
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.talk import Unknown
from heyi.provision.fulfilment import accounts, delivering
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
async def app(tools: Tools) -> Litestar:
    return make_litestar(tools)


@pytest.mark.parametrize("code", CODES)
async def test_callbacks_of_every_sort(tools: Tools, app: Litestar, code: str) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)
    keys = {one.name: f"{code}-{one.name}-0123456789abcdef"[:32] for one in DIALECTS[code].credentials}
    async with tools.db.transaction() as tx:
        shop = await accounts.make(
            tx, tools.sealing, code=code.replace("_", "-"), title=code, dialect=code, base_url="http://127.0.0.1:1",
            credentials=keys, slots=20, timeout_ms=1000, typical_ms=3_600_000, public_url="",
            now=tools.clock.now(),
        )  # fmt: skip
    kind = DIALECTS[code].kinds[0]
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id, kind=kind))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    await deliver.record(tools, [delivering.finish(errand, Unknown("silence"), [], tools.clock.now())])

    found = examples_of(sendings(), 25)
    moved = 0
    for sent in found:
        tools.clock.forward(timedelta(seconds=1))
        callback = sent.make(code, keys, shop.callback_url, errand.outer_number, tools.clock.wall())
        before = (await task_of(tools, plan), await attempts_of(tools, plan))
        status, said = await knock(app, shop.callback_url, callback)
        assert status in (200, 400), (callback, said)
        async with tools.db.reading() as tx:
            row = await tx.row(LAST, id=shop.id)
        assert row is not None
        opened = tools.sealing.open_secret(bytes(row.body), f"callback:{row.id}").encode("latin-1")
        assert opened == callback.body, callback
        trusted = row.verdict == "trusted"
        assert (status == 200) == (row.verdict in ("trusted", "repeat", "stranger"))
        assert not trusted or row.outer_number == errand.outer_number
        task, tried = await task_of(tools, plan), await attempts_of(tools, plan)
        assert tried == before[1], callback
        known = {"due_at": before[0].due_at, "heard": before[0].heard}
        assert task._replace(**known) == before[0], callback
        if trusted:
            moved += 1
            assert task.due_at == tools.clock.now()
            async with tools.db.transaction() as tx:
                await tx.run("update fulfilment.tasks set due_at = %(at)s, heard = false where id = %(id)s",
                             at=tools.clock.now() + timedelta(days=1), id=plan.id)  # fmt: skip
        else:
            assert task == before[0], callback
    calls = SHIPPED[code].callback is not None
    assert moved or not calls, "not one good message got through: nothing was tried"
