"""What suppliers offer, over the operator API and from the command line, as an operator works through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from tests.app import cli_support
from tests.flows.test_deliver import MovedClock
from tests.flows.world import make_world
from tests.provision.fulfilment.shops import Shop, open_shop
from tests.provision.fulfilment.shops import simulator_url as simulator_url

from heyi.flows import sync
from heyi.infra.tools import Tools
from heyi.kernel.ids import from_text
from heyi.kernel.money import Money
from heyi.offer import catalog


@pytest.fixture(scope="module")
def line(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli_support.Line]:
    with cli_support.serving(database_url, tmp_path_factory.mktemp("products") / "home") as running:
        yield running


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


async def read(live: Tools, line: cli_support.Line, shop: Shop) -> Any:
    """Ask for a run, and be the worker that carries it on. The minute between two runs is over."""
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.syncs set started_at = started_at - interval '2 minutes'")
    asked = line.json("product", "sync", shop.name)
    id = from_text("syn", asked["id"])
    assert isinstance(id, UUID)
    assert (asked["state"], asked["supplier"]) == ("running", shop.name)
    await sync.drive(live, id)
    return line.json("product", "syncs", shop.name)[0]


async def test_an_operator_reads_accepts_and_dismisses(live: Tools, line: cli_support.Line, simulator_url: str) -> None:
    shop = await open_shop(live, simulator_url)
    world = await make_world(live, name=shop.name, keys=1)
    async with live.db.transaction() as tx:
        offers = {
            number: await catalog.benefits.add_offer(
                tx, world.benefits[benefit], source="supplier", supplier_id=shop.id, product_no=number,
                cost=Money(cost, "CNY"), priority=1, now=live.clock.now(),
            )
            for number, benefit, cost in (("1001", "video", 1500), ("1101", "tea", 480))
        }  # fmt: skip
    assert (await read(live, line, shop))["state"] == "done"
    assert line("product", "sync", shop.name).exit_code == 1  # a moment ago is soon enough
    assert line.json("supplier", "edit", shop.name, "--sync-every", "0")["sync_every_min"] == 0
    listed = {one["product_no"]: one for one in line.json("product", "list", shop.name)}
    assert listed["1001"]["heard"]["price"] == {"amount_minor": 1500, "currency": "CNY"}
    assert [o["cost"]["amount_minor"] for o in listed["1101"]["offers"]] == [480]
    assert line.json("product", "list", shop.name, "--search", "红包")[0]["product_no"] == "1101"
    assert line.json("product", "list", shop.name, "--gone") == []
    assert len(line.json("product", "list", shop.name, "--not-gone")) == len(listed)
    shop.product("1001", price_fen=9900)
    shop.product("1101", price_fen=500, name="红包")
    shop.product("1199", name="新品", price_fen=1)
    run = await read(live, line, shop)
    assert (run["changes"], run["held"], run["news"]) == (3, 1, 1)
    shown = line("product", "changes").output
    assert "15.00 CNY" in shown
    assert "99.00 CNY" in shown
    assert "新品" not in shown
    assert [one["product_no"] for one in line.json("product", "changes", "--news")] == ["1199"]
    # First what it would be about, then that and nothing else.
    wanted = ("product", "accept", "--kind", "price")
    assert "2 would be settled" in line(*wanted, "--supplier", shop.name).output
    seen = line.json(*wanted, "--search", "1101")
    assert f"--until {seen['newest']}" in line(*wanted, "--search", "1101").output
    assert line.json(*wanted, "--search", "1101", "--until", seen["newest"])["settled"] == 1
    (left,) = line.json("product", "changes", "--kind", "price")
    assert line.json("product", "dismiss", left["id"])[0]["state"] == "dismissed"
    assert line("product", "dismiss", left["id"]).exit_code == 1
    settled = line.json("product", "changes", "--state", "accepted")
    assert [(one["product_no"], one["settled_by"][:9]) for one in settled] == [("1101", "operator:")]
    async with live.db.reading() as tx:
        costs = {no: (await catalog.benefits.offers(tx, one.benefit_id))[0].cost.amount_minor
                 for no, one in offers.items()}  # fmt: skip
    assert costs == {"1001": 1500, "1101": 500}
