"""Workers, callbacks, breakers and people in random order, on a real database, against suppliers that never lie.

The suppliers are made of dictionaries, so that one thread can hold any number of talks in its hand: sent and not yet
arrived, answered and not yet recorded, lost with their worker. Whatever happens, no item is ever bought twice, nothing
that a supplier delivered is unknown to us in the end, and its account agrees with the books. The seed is printed when
it fails; set HEYI_SEED to run it again.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from tests.provision.fulfilment.making import LANE, PHONE, part, plan_of

from heyi.flows import deliver, resolve, route
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.kernel.talk import Accepted, Answer, Cure, Declined, Delivered, Failed, NotFound, Unknown
from heyi.offer import catalog
from heyi.provision import fulfilment
from heyi.provision.fulfilment import Plan, accounts, suppliers
from heyi.provision.fulfilment.errand import Errand, Result
from heyi.settle import ledger
from heyi.settle.ledger.model import prepaid_at

WALKS, STEPS, ITEMS, COST = 6, 70, 3, 1500
TIMEOUT_MS, GRACE_MS = 1_000, 20_000
BOUGHT = ("accepted", "delivered")
DIALECT = "fake"


@dataclass
class Shop:
    """What a supplier knows: its orders by our number, and requests that are still on their way."""

    id: UUID
    chance: random.Random
    orders: dict[str, str] = field(default_factory=dict)
    flying: list[tuple[datetime, str]] = field(default_factory=list)

    def arrive(self, number: str) -> Answer:
        """A purchase reaches them. Refusals leave nothing behind."""
        if number in self.orders:
            return Unknown("they know this number already")
        if self.chance.random() < 0.35:
            word, cure = self.chance.choice(
                [("sold_out", Cure.OTHER_OFFER), ("busy", Cure.OTHER_OFFER), ("price", Cure.OTHER_OFFER),
                 ("blocked", Cure.PERSON)]
            )  # fmt: skip
            return Declined(word, cure)
        self.orders[number] = self.chance.choice(["accepted", "accepted", "delivered"])
        return self.said(number)

    def said(self, number: str) -> Answer:
        """Their answer to a question."""
        state = self.orders.get(number)
        if state == "failed":
            return Failed("recharge", Cure.OTHER_OFFER)
        return {"accepted": Accepted("S"), "delivered": Delivered("S", cost_minor=COST)}.get(state or "", NotFound())

    def on(self, wall: datetime) -> None:
        """Time passes: what was on its way is there, and they work."""
        for at, number in [one for one in self.flying if one[0] <= wall]:
            self.flying.remove((at, number))
            self.arrive(number)
        for number, state in self.orders.items():
            if state == "accepted" and self.chance.random() < 0.3:
                self.orders[number] = self.chance.choice(["delivered", "delivered", "failed"])


class Walk:
    """One walk: a few items of a benefit that three suppliers sell."""

    def __init__(self, tools: Tools, chance: random.Random) -> None:
        self.tools, self.chance = tools, chance
        self.shops: dict[UUID, Shop] = {}
        self.plans: list[Plan] = []
        self.held: list[Errand] = []  # talks that go on
        self.heard: list[Result] = []  # talks that are over and not recorded

    @property
    def clock(self) -> FixedClock:
        assert isinstance(self.tools.clock, FixedClock)
        return self.tools.clock

    async def begin(self, name: str, dialect: str) -> None:
        now, tools = self.clock.now(), self.tools
        async with tools.db.transaction() as tx:
            made = await catalog.benefits.make(
                tx, code=name, partner_id=new_id(1), kind="top_up", title=name, market_price=Money(3000, "CNY"),
                properties=catalog.model.Properties(fields=(PHONE,)), now=now,
            )  # fmt: skip
            for place in range(3):
                account = await accounts.make(
                    tx, tools.sealing, code=f"{name}-{place}", title=name, dialect=dialect, base_url="http://x",
                    credentials={}, public_url="http://x", now=now, slots=4, timeout_ms=TIMEOUT_MS,
                    typical_ms=0, grace_ms=GRACE_MS,
                )  # fmt: skip
                self.shops[account.id] = Shop(account.id, self.chance)
                offer = await catalog.benefits.add_offer(
                    tx, made.id, source="supplier", supplier_id=account.id, product_no="1001",
                    cost=Money(COST, "CNY"), priority=100 + place, now=now,
                )  # fmt: skip
                if not place:
                    first = Offer(offer.id, "supplier", account.id, "1001", offer.cost)
            one = replace(part(now, supplier=first.supplier_id, benefit=made.id), offer=first)
            self.plans = [plan_of(now, one) for _ in range(ITEMS)]
            await fulfilment.plan(tx, self.plans, now=now)

    async def step(self) -> None:
        chance = self.chance
        word = chance.choice(
            ["claim"] * 5 + ["hear"] * 5 + ["record"] * 5 + ["lose", "time", "time", "time", "long", "care", "breaker",
             "pause", "person", "person", "callback"]
        )  # fmt: skip
        with contextlib.suppress(Refused):  # a person may not do that now
            await getattr(self, f"_{word}")()

    async def _claim(self) -> None:
        supplier = self.chance.choice(list(self.shops))
        errands, _ = await deliver.claim(self.tools, supplier, most=self.chance.randint(1, 3))
        self.held += errands

    async def _hear(self) -> None:
        """A talk comes to its end, or its request goes on travelling while we give up."""
        if not self.held:
            return
        errand = self.held.pop(self.chance.randrange(len(self.held)))
        shop, number, wall = self.shops[errand.account.id], errand.outer_number, self.clock.wall()
        answer: Answer = Unknown("too little lease left to begin")
        if (errand.lease_until - wall).total_seconds() * 1000 >= TIMEOUT_MS:
            answer = shop.said(number)
            repeats = errand.may_repeat and not errand.barred and isinstance(answer, NotFound)
            if errand.verb == "submit" or repeats:
                if self.chance.random() < 0.3:  # it may still arrive after our time-out, within the grace
                    shop.flying.append((wall + timedelta(seconds=self.chance.uniform(0, GRACE_MS / 1000)), number))
                    answer = Unknown("timeout")
                else:
                    answer = shop.arrive(number)
                    if repeats:
                        answer = suppliers.engine._repeated(answer)
            if self.chance.random() < 0.25:
                answer = Unknown("HTTP 500")
        self.heard.append(Result(errand, answer))

    async def _record(self) -> None:
        if self.heard:
            await deliver.record(self.tools, [self.heard.pop(self.chance.randrange(len(self.heard)))])

    async def _lose(self) -> None:
        """A worker is killed with all that it holds."""
        self.held, self.heard = [], []

    async def _time(self) -> None:
        await self._forward(self.chance.choice([0.2, 1, 3, 8]))

    async def _long(self) -> None:
        await self._forward(self.chance.choice([30, 120, 1200]))

    async def _forward(self, seconds: float) -> None:
        self.clock.forward(timedelta(seconds=seconds))
        for shop in self.shops.values():
            shop.on(self.clock.wall())

    async def _care(self) -> None:
        await deliver.rescue(self.tools)
        await route.leave(self.tools)

    async def _breaker(self) -> None:
        supplier = self.chance.choice(list(self.shops))
        await route.move(self.tools, supplier, self.chance.choice(["open", "closed"]), why="so", by="operator:test")

    async def _pause(self) -> None:
        async with self.tools.db.transaction() as tx:
            await accounts.switch(
                tx, self.tools.sealing, self.chance.choice(list(self.shops)), self.chance.choice(["pause", "resume"]),
                public_url="",
            )  # fmt: skip

    async def _person(self) -> None:
        """He hurries, asks, or goes on: with proof only when it is true."""
        plan = self.chance.choice(self.plans)
        word = self.chance.choice(["retry", "query", "try_again"])
        if word == "try_again":
            proof = "" if self._maybe_bought(plan) else "客服确认未充值"
            await resolve.resolve(self.tools, plan.id, word, proof=proof, note="", by="operator:test")
        else:
            await getattr(resolve, word)(self.tools, plan.id, by="operator:test")

    def _maybe_bought(self, plan: Plan) -> bool:
        item = self._numbers(plan)
        return any(
            state in BOUGHT for shop in self.shops.values() for number, state in shop.orders.items() if item in number
        ) or any(item in number for shop in self.shops.values() for _, number in shop.flying)

    async def _callback(self) -> None:
        """Somebody speaks of a number that is over, or overtaken."""
        async with self.tools.db.transaction() as tx:
            await tx.run(
                "update fulfilment.attempts set recheck_at = %(now)s where state <> 'delivered'"
                " and task_id = %(task)s", now=self.clock.now(), task=self.chance.choice(self.plans).id,
            )  # fmt: skip

    @staticmethod
    def _numbers(plan: Plan) -> str:
        return fulfilment.model.outer_number(plan.item_id, 0).rpartition("-")[0]

    def check(self) -> None:
        """At no moment has more than one supplier taken an item."""
        for plan in self.plans:
            taken = [
                (place, number, state)
                for place, shop in enumerate(self.shops.values())
                for number, state in shop.orders.items()
                if state in BOUGHT and self._numbers(plan) in number
            ]
            assert len(taken) <= 1, taken

    async def finish(self) -> None:
        """Everything is well again: what can come to an end does, and then we know all that they delivered."""
        async with self.tools.db.transaction() as tx:
            await tx.run("update fulfilment.suppliers set state = 'active', breaker = 'closed'")
        for _ in range(25):
            await self._forward(1000)
            for shop in self.shops.values():
                shop.orders = {n: "delivered" if state == "accepted" else state for n, state in shop.orders.items()}
            await self._care()
            for supplier in self.shops:
                self.held += (await deliver.claim(self.tools, supplier, most=100))[0]
                while self.held:
                    await self._hear()
                while self.heard:
                    await self._record()
            self.check()
        tasks, attempts = await self._rows("tasks"), await self._rows("attempts")
        known = {one.outer_number for one in attempts if one.state == "delivered"}
        for shop in self.shops.values():
            assert not [n for n, state in shop.orders.items() if state == "delivered" and n not in known]
            bought = sum(COST for state in shop.orders.values() if state == "delivered")
            async with self.tools.db.reading() as tx:
                lines = await ledger.lines(tx, prepaid_at(shop.id), before=None, limit=100)
            assert -sum(line.amount_minor for line in lines) == bought
        assert {one.state for one in tasks} <= {"delivered", "waiting_for_person"}, [one.state for one in tasks]
        assert not [one for one in attempts if one.difference], "nobody lied"

    async def _rows(self, table: str) -> Sequence[Row]:
        sql = {
            "tasks": "select * from fulfilment.tasks where lane = %(lane)s and id = any(%(ids)s::uuid[])",
            "attempts": "select * from fulfilment.attempts where lane = %(lane)s and task_id = any(%(ids)s::uuid[])",
        }
        async with self.tools.db.reading() as tx:
            return await tx.rows(sql[table], lane=LANE, ids=[plan.id for plan in self.plans])


async def test_an_item_is_bought_at_most_once_whatever_happens(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = int(os.environ.get("HEYI_SEED") or random.SystemRandom().randrange(1 << 32))
    plain = replace(suppliers.DIALECTS["kasushou"], credentials=())
    for place in range(WALKS):
        print(f"seed {seed + place}")
        chance = random.Random(seed + place)
        monkeypatch.setitem(suppliers.DIALECTS, DIALECT, replace(plain, repeats=place % 3 == 0))
        walk = Walk(tools, chance)
        await walk.begin(f"walk-{seed + place}", DIALECT)
        for _ in range(STEPS):
            await walk.step()
            walk.check()
        await walk.finish()
