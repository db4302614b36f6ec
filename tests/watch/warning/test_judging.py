"""When to warn: thresholds with a margin for coming back, forecasts, and differences that stay. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from heyi.infra.tools import Tools
from heyi.watch import warning
from heyi.watch.warning import MoneyReading, StockReading, judging, model
from heyi.watch.warning.judging import Judged
from heyi.watch.warning.model import Thresholds

LIMITS = Thresholds()


def money(**more: Any) -> MoneyReading:
    return MoneyReading("sup_1", "fulu", "CNY", **{"left_minor": 1_000_000, **more})


def stock(**more: Any) -> StockReading:
    return StockReading(**{"subject": "ben_1", "benefit": "coffee", "ready": 500, "demand_milli": 10_000,
                           "days_left": 50, **more})  # fmt: skip


def levels(judged: Judged) -> dict[str, str]:
    return {one.kind: one.level for one in judged.raised}


@pytest.mark.parametrize(("reading", "before", "level"), [
    ({}, None, None),
    ({"left_minor": 9_999}, None, "warning"),
    ({"left_minor": 10_001}, None, None),
    ({"left_minor": 10_001}, "warning", "warning"),  # it must come back by a fifth
    ({"left_minor": 12_000}, "warning", None),
    ({"left_minor": 0}, None, "critical"),
    ({"left_minor": -5}, None, "critical"),
    ({"hours_left": 23}, None, "warning"),
    ({"hours_left": 35}, "warning", "warning"),  # and a forecast by half
    ({"hours_left": 36}, "warning", None),
    ({"hours_left": 200, "hours_left_now": 1}, None, "critical"),
    ({"hours_left": 200, "hours_left_now": 2}, "critical", "critical"),
    ({"hours_left": 200, "hours_left_now": 3}, "critical", None),
    ({"left_minor": None}, None, None),
    ({"left_minor": None}, "critical", "critical"),  # nobody knows: as before
])  # fmt: skip
def test_a_low_balance(reading: dict[str, Any], before: str | None, level: str | None) -> None:
    judged = judging.money(money(**reading), LIMITS, {model.BALANCE_LOW: before} if before else {})
    assert levels(judged).get(model.BALANCE_LOW) == level
    assert ((model.BALANCE_LOW, "sup_1") in judged.gone) is (level is None)


@pytest.mark.parametrize(("differences", "already", "words"), [
    ((500, 500), False, None),  # two looks are not three
    ((500, 500, 500), False, "more"),
    ((700, 600, 500), False, "more_growing"),
    ((-500, -500, -500, 0), False, "less"),
    ((-700, -600, -500), False, "less_growing"),
    ((500, -500, 500), False, None),  # it dances: something is in motion
    ((100, 100, 100), False, None),  # tolerated
    ((500, 99, 500), False, None),
    ((101, 0), True, "more"),
    ((99, 500, 500), True, None),
    ((), False, None),
])  # fmt: skip
def test_a_difference_that_stays(differences: tuple[int, ...], already: bool, words: str | None) -> None:
    judged = judging.money(
        money(differences=differences), LIMITS, {model.BALANCE_DIFFERS: "warning"} if already else {}
    )
    found = [one for one in judged.raised if one.kind == model.BALANCE_DIFFERS]
    if already and words == "more":
        words = "more_growing"
    assert [one.words for one in found] == ([f"{model.BALANCE_DIFFERS}/{words}"] if words else [])
    assert ((model.BALANCE_DIFFERS, "sup_1") in judged.gone) is (words is None)


@pytest.mark.parametrize(("reading", "before", "expected"), [
    ({}, (), {}),
    ({"ready": 9, "days_left": 5}, (), {model.STOCK_LOW: "warning"}),
    ({"ready": 11, "days_left": 5}, (model.STOCK_LOW,), {model.STOCK_LOW: "warning"}),
    ({"ready": 12, "days_left": 5}, (model.STOCK_LOW,), {}),
    ({"ready": 0, "days_left": 0}, (), {model.STOCK_LOW: "critical", model.STOCK_FORECAST: "warning"}),
    ({"ready": 0, "demand_milli": 0, "days_left": None}, (), {}),  # nobody wants it
    ({"ready": 0, "demand_milli": 0, "days_left": None, "waiting": 1}, (), {model.STOCK_LOW: "critical"}),
    ({"days_left": 2}, (), {model.STOCK_FORECAST: "warning"}),
    ({"days_left": 4}, (model.STOCK_FORECAST,), {model.STOCK_FORECAST: "warning"}),
    ({"days_left": 5}, (model.STOCK_FORECAST,), {}),
    ({"expiring": 100, "wasted": 10}, (), {}),  # a tenth is not worth a word
    ({"expiring": 100, "wasted": 11}, (), {model.KEYS_EXPIRING: "warning"}),
    ({"expiring": 100, "wasted": 1}, (model.KEYS_EXPIRING,), {model.KEYS_EXPIRING: "warning"}),
    ({"expiring": 100, "wasted": 0}, (model.KEYS_EXPIRING,), {}),
])  # fmt: skip
def test_keys_that_run_out_or_go_to_waste(
    reading: dict[str, Any], before: tuple[str, ...], expected: dict[str, str]
) -> None:
    judged = judging.stock(stock(**reading), LIMITS, dict.fromkeys(before, "warning"))
    assert levels(judged) == expected
    assert {kind for kind, _ in judged.gone} == set(judging.STOCK_KINDS) - expected.keys()


def test_zero_switches_a_warning_off() -> None:
    off = Thresholds(balance_minor=0, hours=0, hours_critical=0, keys=0, days=0, expiring_days=0)
    assert levels(judging.money(money(left_minor=5, hours_left=0, hours_left_now=0), off, {})) == {}
    assert levels(judging.stock(stock(ready=0, days_left=0, expiring=9, wasted=9), off, {})) == {}


async def test_the_nearest_threshold_counts(tools: Tools) -> None:
    """A subject's own over the alliance's over the default; taking one back shows what is behind it."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        await warning.thresholds.set_(tx, "alliance", {"keys": 50, "days": 5}, by="operator:a", now=now)
        mine = await warning.thresholds.set_(tx, "ben_x", {"keys": 7, "hours": None}, by="operator:a", now=now)
        assert (mine.keys, mine.days, mine.expiring_days) == (7, 5, 7)
        assert await warning.thresholds.own(tx, "ben_x") == {"keys": 7}
        again = await warning.thresholds.set_(tx, "ben_x", {"keys": None}, by="operator:a", now=now)
        assert (again.keys, (await warning.thresholds.of(tx, ["ben_y"]))["ben_y"].days) == (50, 5)
        await warning.thresholds.set_(tx, "alliance", {"keys": None, "days": None}, by="operator:a", now=now)
        assert (await warning.thresholds.of(tx, ["alliance"]))["alliance"] == Thresholds()


async def test_readings_raise_and_clear(tools: Tools) -> None:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        raised = await warning.watch_stock(tx, [stock(subject="ben_r", ready=3, days_left=0)], now=now)
        again = await warning.watch_stock(tx, [stock(subject="ben_r", ready=11, days_left=1)], now=now)
        cleared = await warning.watch_stock(tx, [stock(subject="ben_r")], now=now)
    assert [fact.data["kind"] for fact in raised] == [model.STOCK_FORECAST, model.STOCK_LOW]
    assert raised[1].data["en"] == "coffee: only 3 keys are left (10.0 go a day, 0 items wait)"
    assert again == []
    assert sorted(str(fact.data["kind"]) for fact in cleared) == [model.STOCK_FORECAST, model.STOCK_LOW]
