"""The operators' command line against a heyi that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.app import cli_support
from typer.main import get_command

from heyi.app import admin
from heyi.app.cli import app
from heyi.app.cli.client import Client
from heyi.app.process import wait_until

SHOP = """
partners:
  - {code: cafe, title: 街角咖啡}
channels:
  - {code: app, title: 小程序, deposit: 1000.00 CNY}
benefits:
  - code: latte
    partner: cafe
    kind: voucher
    title: 拿铁券
    market_price: 20.00 CNY
    units: 2
    offers: [{source: own, cost: 8.00 CNY}]
  - code: cake
    partner: cafe
    kind: card_key
    title: 蛋糕卡
    market_price: 30.00 CNY
    offers: [{source: stock, cost: 12.50 CNY}]
bundles:
  - code: afternoon
    title: 下午茶
    price: 39.90 CNY
    components:
      - {code: drink, benefit: latte, weight: 2}
      - {code: food, benefit: cake, weight: 1, delivery: {when: monthly, times: 2}}
"""


@pytest.fixture(scope="module")
def line(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli_support.Line]:
    with cli_support.serving(database_url, tmp_path_factory.mktemp("cli") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def shop(line: cli_support.Line, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("shop") / "shop.yaml"
    file.write_text(SHOP, encoding="utf-8")
    applied = line.json("bundle", "apply", str(file))
    assert "bundle afternoon version 1 published" in applied["made"]
    return file


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_says_what_it_does_and_shows_an_example() -> None:
    found = dict(commands(get_command(app)))
    assert {("up",), ("doctor",), ("demo", "break"), ("order", "show"), ("bundle", "apply")} <= set(found)
    for path, command in found.items():
        assert command.help, path
        assert f"heyi {' '.join(path)}" in (command.epilog or ""), path


def test_a_wrong_command_line_is_exit_code_2(line: cli_support.Line) -> None:
    assert line("order", "nonsense").exit_code == 2
    assert line("order", "create").exit_code == 2
    assert line("demo", "break", "nonsense").exit_code == 2


def test_nobody_there_is_one_line_with_the_cure(line: cli_support.Line) -> None:
    done = line("order", "list", HEYI_URL="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in done.output
    assert "heyi up" in done.output
    as_json = line("order", "list", "--json", HEYI_URL="http://127.0.0.1:9")
    assert "heyi up" in json.loads(as_json.stderr)["error"]["cure"]


def test_a_wrong_key_says_where_keys_come_from(line: cli_support.Line) -> None:
    done = line("channel", "list", HEYI_OPERATOR_KEY="hk_opr_nonsense")
    assert done.exit_code == 1
    assert "access.unauthenticated" in done.output
    assert "HEYI_OPERATOR_KEY" in done.output


def test_applying_a_file_again_changes_only_what_is_different(line: cli_support.Line, shop: Path) -> None:
    again = line.json("bundle", "apply", str(shop))
    assert again["made"] == again["changed"] == []
    shop.write_text(SHOP.replace("12.50 CNY", "12.80 CNY").replace("units: 2", "units: 3"), encoding="utf-8")
    changed = line.json("bundle", "apply", str(shop))
    assert changed["made"] == []
    assert changed["changed"] == [
        "benefit latte (properties)",
        "offer cake from stock",
        "bundle afternoon version 2 published",
    ]
    assert line.json("bundle", "show", "afternoon")["current_version"] == 2


def test_a_bundle_is_simulated(line: cli_support.Line, shop: Path) -> None:
    """The second cake comes a month later; a drink whose delivery fails waits for a person."""
    told = line.json("bundle", "simulate", "afternoon", "--happens", "drink:delivery_fails:0h")
    assert [(i["component"], i["state"]) for i in told["items"]] == [
        ("drink", "delivering"), ("food", "delivered"), ("food", "delivered"),
    ]  # fmt: skip
    shown = line("bundle", "simulate", "afternoon", "--happens", "food:activated:2d")
    assert "已发放" in shown.output
    assert "waits for a person" not in shown.output
    wrong = line("bundle", "simulate", "afternoon", "--happens", "food")
    assert wrong.exit_code == 1
    assert "component:what:after" in wrong.output


def test_now_is_the_alliances_time_and_not_this_machines(line: cli_support.Line, shop: Path, database_url: str) -> None:
    """A month ahead, a simulation without a date is one of that day; a channel is named by its code."""
    admin.set_clock_offset(database_url, timedelta(days=30))
    try:
        with Client(line.env["HEYI_URL"], line.env["HEYI_OPERATOR_KEY"]) as api:
            assert wait_until(lambda: api.now() - datetime.now(UTC) > timedelta(days=29), 60)
        steps = line.json("bundle", "simulate", "afternoon", "--channel", "app")["steps"]
        assert datetime.fromisoformat(steps[0]["at"]) - datetime.now(UTC) > timedelta(days=29)
    finally:
        admin.set_clock_offset(database_url, timedelta())


def test_conditions_have_a_list_of_what_they_are_written_with(line: cli_support.Line, shop: Path) -> None:
    told = line.json("bundle", "conditions", "afternoon", "--search", "food")
    assert "component.food.delivered_at" in [field["field"] for field in told["fields"]]
    assert told["operators"] == []
    shown = line("bundle", "conditions")
    assert "starts_with" in shown.output
    assert "component.CODE" in shown.output


def test_what_cannot_be_published_is_named_fault_by_fault(line: cli_support.Line, shop: Path, tmp_path: Path) -> None:
    wrong = {"bundles": [{"code": "wrong", "title": "错", "price": "1.00 CNY", "components": [
        {"code": "a", "benefit": "nothing", "weight": 1}, {"code": "b", "benefit": "latte", "quantity": 0, "weight": 1},
    ]}]}  # fmt: skip
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(wrong))
    done = line("bundle", "apply", str(file))
    assert done.exit_code == 1
    assert "/components/0/benefit" in done.output
    assert "/components/1/quantity" in done.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("benefits: [{title: x}]", "/benefits/0/code: the field code is missing"),
        ("bundles: 1", "/bundles: must be a list or null, not a whole number"),
        ("bundles: [{code: x, components: [{code: a}]}]", "/bundles/0/components/0/benefit: the field"),
        ("bundles: [{code: x, price: 1.00 CNY}]", "bundle x: must have a length of at least 1"),
        ("benefits: [{code: x, offers: [4]}]", "/benefits/0/offers/0: must be an object"),
        ("\xff\xfe", "cannot be read"),
        ("gifts: []", "does not know gifts"),
        ("partners: [", "cannot be read"),
        ("partners: [{code: x, title: '${NOT_SET_ANYWHERE}'}]", "NOT_SET_ANYWHERE is not set"),
        ("channels: [{code: x, title: y, deposit: 9.999 CNY}]", "is not an amount"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_a_reason(
    line: cli_support.Line, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(text.encode("latin-1"))
    done = line("bundle", "apply", str(file))
    assert done.exit_code == 1
    assert said in done.output.replace("{", "").replace("}", "").replace("$", "")


def test_a_channel_gets_money_and_a_key_and_sells(line: cli_support.Line, shop: Path) -> None:
    made = line.json("channel", "create", "corner", "--title", "街角小店")
    assert made["code"] == "corner"
    first = line.json("channel", "deposit", "corner", "50.00 CNY", "--ref", "slip-1")
    again = line.json("channel", "deposit", "corner", "50.00 CNY", "--ref", "slip-1")
    assert first["balance"]["amount_minor"] == again["balance"]["amount_minor"] == 5000
    assert line("channel", "deposit", "corner", "50.00 CNY").exit_code == 2
    assert "+" not in line("channel", "deposit", "corner").output
    assert "50.00 CNY" in line("channel", "deposit", "corner").output
    key = line.json("channel", "key", "corner")["key"]
    assert key not in line("channel", "key", "corner", "--list").output

    words = ("order", "create", "afternoon", "--buyer", "u-1", "--json")
    quote = line(*words, "--quote", HEYI_CHANNEL_KEY=key)
    assert quote.exit_code == 0, quote.output
    order = json.loads(line(*words, "--no", "N-1", HEYI_CHANNEL_KEY=key).stdout)
    assert [item["state"] for item in order["items"]] == ["delivered", "waiting_for_stock", "scheduled"]
    poor = line(*words, "--quote", HEYI_CHANNEL_KEY=key)
    assert poor.exit_code == 1

    shown = line("order", "show", "N-1")
    assert shown.exit_code == 0, shown.output
    assert "order.paid" in shown.output
    assert "39.90 CNY" in shown.output
    assert line.json("order", "show", order["id"])["timeline"][0]["what"] == "order.paid"
    assert [one["id"] for one in line.json("order", "list", "--channel", "corner")] == [order["id"]]
    assert line("order", "show", "N-2").exit_code == 1


def test_a_channel_gets_keys_for_the_standards_of_others(line: cli_support.Line, shop: Path) -> None:
    """Made, listed without the secret, rotated and ended; and why a bundle cannot be sold so is said."""
    line.json("channel", "create", "fish", "--title", "闲鱼店")
    made = line.json("supply", "key", "fish", "--standard", "dujiao_next", "--ip", "203.0.113.7")
    assert made["ips"] == ["203.0.113.7"]
    assert line("supply", "key", "fish", "--standard", "goofish", "--app-id", "1").exit_code == 1  # no app secret
    told = line("supply", "key", "fish", "--standard", "goofish", "--app-id", "1", HEYI_APP_SECRET="invented")
    assert told.exit_code == 0, told.output
    assert "/supply/goofish/" in told.output
    listed = line("supply", "keys", "fish")
    assert made["key"] in listed.output
    assert made["secret"] not in listed.output
    second = line.json("supply", "rotate", made["id"], "--overlap-s", "60")
    assert second["key"] != made["key"]
    assert line("supply", "revoke", second["id"]).exit_code == 0
    assert line("supply", "revoke", second["id"]).exit_code == 1
    (goods,) = line.json("supply", "goods", "fish", "--standard", "dujiao_next")
    assert (goods["code"], goods["sold"], goods["reason"]["code"]) == ("afternoon", False, "supply.voucher")
    assert "rotating code" in line("supply", "goods", "fish", "--standard", "goofish").output


def test_migrate_says_that_nothing_is_to_be_done(line: cli_support.Line) -> None:
    assert line.json("migrate", "--check")["current"]


def test_an_owner_without_a_key_gets_one_from_the_database(line: cli_support.Line) -> None:
    key = line.json("operator-key", "--label", "night")["operator_key"]
    assert line("channel", "list", HEYI_OPERATOR_KEY=key).exit_code == 0


def test_who_does_not_tell_a_balance_is_not_broken(line: cli_support.Line) -> None:
    """Some dialects have no question about money; that is nothing to mend."""
    address = ("--url", "http://127.0.0.1:9", "-c", "user_name=1", "-c", "key=sample-key")
    assert line("supplier", "add", "silent", "--dialect", "yiqida", *address).exit_code == 0
    findings = {one["check"]: one for one in json.loads(line("doctor", "--json").stdout)["findings"]}
    assert findings["supplier silent"]["ok"] is None
    assert line("supplier", "pause", "silent").exit_code == 0


def test_doctor_names_what_is_broken(line: cli_support.Line, database_url: str) -> None:
    done = line("doctor", "--json")
    findings = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
    assert done.exit_code == 1
    broken = {name for name, one in findings.items() if one["ok"] is False}
    assert broken - {"relay"} == {"worker"}  # nobody relays without a worker, which shows after half a minute
    assert "heyi worker" in findings["worker"]["cure"]
    other = line("doctor", "--json", HEYI_MASTER_KEY="f" * 64)
    findings = {one["check"]: one for one in json.loads(other.stdout)["findings"]}
    assert findings["master key"]["ok"] is False
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into infra.unrelayed values (gen_random_uuid(), '{}', now() - interval '5 minutes')")
    findings = {one["check"]: one for one in json.loads(line("doctor", "--json").stdout)["findings"]}
    assert findings["relay"]["ok"] is False
    assert line("doctor", HEYI_DATABASE_URL="postgresql://nobody@127.0.0.1:9/x").exit_code == 1
