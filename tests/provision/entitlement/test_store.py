"""Rights in a real PostgreSQL: grants, arrivals, activation, reveal, units, expiry, lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from tests.provision.entitlement.making import DAY, PHONE, Validity, Wallet, cny, part

from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.provision import entitlement
from heyi.provision.entitlement import Arrival, Right, store
from heyi.provision.entitlement.errors import AlreadyActivating, EntitlementNotFound


@pytest.fixture
async def wallet(tools: Tools) -> Wallet:
    return Wallet(tools)


@pytest.fixture
async def tx(tools: Tools) -> AsyncIterator[Tx]:
    async with tools.db.transaction() as tx:
        yield tx


class Counting(Tx):
    """Counts the statements that pass."""

    count = 0

    async def _send(self, sql, values):  # type: ignore[no-untyped-def]
        self.count += 1
        return await super()._send(sql, values)


async def test_a_right_keeps_what_its_part_promised(tools: Tools, wallet: Wallet) -> None:
    asked = part(
        "top_up", fields=(PHONE,), accounts={"phone": "13800138000"}, validity=Validity(30), 
        how_to_use="打开 App \"x\\y\"",
        share=1234, cost=777,
    )  # fmt: skip
    right = await wallet.grant(asked, "delivering")
    kept = right.properties
    assert (kept.share, kept.cost, kept.validity, kept.fields) == (cny(1234), cny(777), Validity(30), (PHONE,))
    assert (kept.given, kept.how_to_use) == ({"phone": "****00"}, asked.how_to_use)
    assert (right.state, right.valid_from, right.valid_to, right.title) == ("pending_delivery", None, None, "某权益")


async def test_a_batch_is_one_statement_and_says_who_is_usable(tools: Tools, wallet: Wallet) -> None:
    kinds = [("card_key", "delivered"), ("link", "delivered"), ("voucher", "delivered"), ("top_up", "delivering")]
    for size in (1, 5):
        grants = [wallet.plan(part(kind), state) for kind, state in kinds * size]
        async with tools.db.transaction() as tx:
            counting = Counting(tx.connection)
            facts = await entitlement.grant(counting, grants, now=tools.clock.now())
        assert counting.count == 1
        assert {fact.entitlement_id for fact in facts} == {g.id for g in grants if g.part.kind == "voucher"}
        assert {fact.name for fact in facts} == {"entitlement.activated"}


async def test_arrivals_take_as_many_statements_for_many_as_for_few(tools: Tools, wallet: Wallet) -> None:
    counts = []
    for size in (1, 20):
        rights = await wallet.grant_all([wallet.plan(part("top_up"), "delivering") for _ in range(size)])
        async with tools.db.transaction() as tx:
            counting = Counting(tx.connection)
            arrivals = [Arrival(right.lane, right.id) for right in rights]
            facts = await entitlement.arrive(counting, arrivals, now=tools.clock.now())
        counts.append(counting.count)
        assert len(facts) == size
    assert counts[0] == counts[1]


async def test_an_arrival_moves_once_and_its_term_with_it(tools: Tools, wallet: Wallet, tx: Tx) -> None:
    right, now = await wallet.grant(part("top_up", validity=Validity(30)), "delivering"), tools.clock.now()
    first = await entitlement.arrive(tx, [Arrival(right.lane, right.id), Arrival(right.lane, uuid4())], now=now)
    assert [(f.name, f.entitlement_id, f.buyer) for f in first] == [("entitlement.activated", right.id, "u-1")]
    assert await entitlement.arrive(tx, [Arrival(right.lane, right.id, failed=True)], now=now) == []
    term = await tx.row("select * from entitlement.terms where entitlement_id = %(id)s", id=right.id)
    assert (term.starts_at, term.ends_at, term.units) == (now, now + 30 * DAY, 1)


async def test_failure_and_cancellation_are_told(tools: Tools, wallet: Wallet, tx: Tx) -> None:
    rights = await wallet.grant_all([wallet.plan(part("top_up"), "delivering") for _ in range(2)])
    arrivals = [
        Arrival(rights[0].lane, rights[0].id, failed=True),
        Arrival(rights[1].lane, rights[1].id, cancelled=True),
    ]
    facts = await entitlement.arrive(tx, arrivals, now=tools.clock.now())
    assert [(f.name, f.data["why"]) for f in facts] == [("entitlement.ended", "cancelled")]


async def test_activation_is_idempotent_and_guards_its_accounts(tools: Tools, wallet: Wallet) -> None:
    right, now = await wallet.grant(part("top_up", fields=(PHONE,)), "waiting_for_buyer"), tools.clock.now()

    async def ask(phone: str) -> Right:
        async with tools.db.transaction() as tx:
            after, _ = await entitlement.activate(
                tx, tools.sealing, right.id, {"phone": phone}, channel_id=wallet.channel_id, now=now
            )
            return after

    after = await ask("13800138000")
    assert (after.state, after.next_step.step) == ("pending_delivery", "none")
    assert await ask("13800138000") == after == await wallet.see(right.id)
    with pytest.raises(AlreadyActivating):
        await ask("13800138001")
    async with tools.db.transaction() as tx:
        await entitlement.arrive(tx, [Arrival(right.lane, right.id)], now=now)
    assert (await ask("13800138000")).state == "active"


async def test_a_strangers_right_is_not_found(tools: Tools, wallet: Wallet, tx: Tx) -> None:
    right, now = await wallet.grant(part()), tools.clock.now()
    with pytest.raises(EntitlementNotFound):
        await entitlement.find(tx, right.id, channel_id=uuid4(), now=now)
    with pytest.raises(EntitlementNotFound):
        await entitlement.activate(tx, tools.sealing, right.id, {}, channel_id=uuid4(), now=now)
    answers, _ = await entitlement.reveal(tx, [right.id], channel_id=uuid4(), by="test", now=now)
    assert isinstance(answers[right.id], EntitlementNotFound)
    answers, _ = await entitlement.move_units(tx, "reserve", {right.id: 1}, partner_id=uuid4(), now=now)
    assert isinstance(answers[right.id], EntitlementNotFound)


async def test_holds_freeze_until_they_end(tools: Tools, wallet: Wallet, tx: Tx) -> None:
    right = await wallet.grant(part(units=2))
    await wallet.hold(right, "pause")
    answers, _ = await entitlement.move_units(tx, "reserve", {right.id: 1}, now=tools.clock.now())
    answer = answers[right.id]
    assert isinstance(answer, Refused)
    assert answer.code == "entitlement.held"
    await tx.run(
        "update entitlement.holds set until = %(now)s where entitlement_id = %(id)s",
        now=tools.clock.now(), id=right.id,
    )  # fmt: skip
    answers, _ = await entitlement.move_units(tx, "reserve", {right.id: 1}, now=tools.clock.now())
    assert isinstance(answers[right.id], Right)


async def test_the_database_itself_refuses_impossible_units(wallet: Wallet) -> None:
    right = await wallet.grant(part(units=2))
    for column, value in (("units_left", -1), ("units_reserved", -1), ("units_left", 3), ("units_reserved", 1)):
        with pytest.raises(psycopg.errors.CheckViolation):
            await _set(wallet.tools, right, column, value)


async def _set(tools: Tools, right: Right, column: str, value: int) -> None:
    sql = f"update entitlement.entitlements set {column} = %(v)s where id = %(id)s"  # noqa: S608
    async with tools.db.transaction() as tx:
        await tx.run(sql, v=value, id=right.id)  # type: ignore[arg-type]


async def test_a_row_that_changed_under_the_decision_is_not_overwritten(wallet: Wallet, tx: Tx) -> None:
    right = await wallet.grant(part(units=2))
    stale = Right(**{name: getattr(right, name) for name in Right.__slots__} | {"units_left": 1})
    with pytest.raises(RuntimeError, match="changed under the lock"):
        await store.save(tx, [(stale, right)])


async def test_expiry_ends_what_is_due_and_leaves_what_a_till_holds(tools: Tools, wallet: Wallet) -> None:
    due, held, later = await wallet.grant_all(
        [wallet.plan(part(units=2, validity=Validity(days))) for days in (1, 1, 2)]
    )
    async with tools.db.transaction() as tx:
        await entitlement.move_units(tx, "reserve", {held.id: 1}, now=tools.clock.now())
    async with tools.db.transaction() as tx:
        ended, facts = await entitlement.expire(tx, most=100, now=tools.clock.now() + DAY)
    assert [right.id for right in ended] == [due.id]
    assert [(f.name, f.data["why"]) for f in facts] == [("entitlement.ended", "expired")]
    assert [(await wallet.see(r.id)).state for r in (due, held, later)] == ["ended", "active", "active"]


async def test_pages_are_newest_first_without_gaps(tools: Tools) -> None:
    wallet, rights = Wallet(tools), []
    for n in range(7):
        tools.clock.forward(timedelta(seconds=1))  # type: ignore[attr-defined]
        rights.append(await wallet.grant(part("voucher" if n % 2 else "card_key")))
    seen: list[Right] = []
    async with tools.db.reading() as tx:
        before = None
        while page := await entitlement.search(
            tx, channel_id=wallet.channel_id, buyer="u-1", state=None, before=before, limit=3, now=tools.clock.now()
        ):
            seen, before = seen + page, page[-1].id
        active = await entitlement.search(
            tx, channel_id=wallet.channel_id, buyer="u-1", state="active", before=None, limit=9, now=tools.clock.now()
        )
        stranger = await entitlement.search(
            tx, channel_id=uuid4(), buyer="u-1", state=None, before=None, limit=9, now=tools.clock.now()
        )
    assert [r.id for r in seen] == [r.id for r in reversed(rights)]
    assert [r.kind for r in active] == ["voucher"] * 3
    assert stranger == []


async def test_a_link_knows_its_places(wallet: Wallet) -> None:
    right = await wallet.grant(part("link", link="https://x.example/{order}/{item}?e={entitlement}"))
    assert right.link is not None
    assert right.link.startswith("https://x.example/ord_")
    assert "/itm_" in right.link
    assert "?e=ent_" in right.link
