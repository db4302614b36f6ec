"""Our money at suppliers, days of stock and warnings, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.app import cli_support

SHOP = """
suppliers:
  - code: fulu
    title: 福禄
    dialect: fulu
    base_url: http://127.0.0.1:9
    credentials: {app_key: app, secret: secret}
    timeout_ms: 500
    top_up: 100.00 CNY
partners:
  - {code: cafe, title: 街角咖啡}
benefits:
  - code: cake
    partner: cafe
    kind: card_key
    title: 蛋糕卡
    market_price: 30.00 CNY
    offers: [{source: stock, cost: 12.50 CNY}]
"""


@pytest.fixture(scope="module")
def line(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli_support.Line]:
    folder: Path = tmp_path_factory.mktemp("cli")
    (folder / "shop.yaml").write_text(SHOP, encoding="utf-8")
    with cli_support.serving(database_url, folder / "home") as running:
        for _ in range(2):  # applied again, the opening top-up counts once
            assert running("bundle", "apply", str(folder / "shop.yaml")).exit_code == 0
        yield running


def minor(found: Any) -> int:
    return int(found["booked"]["amount_minor"])


def test_finance_books_what_was_put_in(line: cli_support.Line) -> None:
    """The opening top-up counts once, so does every reference; a mistake is reversed, never edited; a fee lowers it."""
    assert minor(line.json("supplier", "balance", "fulu")) == 10_000
    for _ in range(2):
        done = line.json("supplier", "topup", "fulu", "50.00 CNY", "--ref", "slip-1")
    assert (minor(done), done["pays"], done["hours_left"]) == (15_000, "prepaid", None)
    other = line("supplier", "topup", "fulu", "60.00 CNY", "--ref", "slip-1")
    assert other.exit_code == 1
    assert "slip-1" in other.output
    assert minor(line.json("supplier", "adjust", "fulu", "--lost", "2.00 CNY", "--ref", "fee", "--memo", "m")) == 14_800
    wrong = line.json("supplier", "topup", "fulu", "0.07 CNY", "--ref", "slip-2")
    assert minor(wrong) == 14_807
    entry = line.json("supplier", "lines", "fulu")[0]
    assert (entry["kind"], entry["amount"]["amount_minor"]) == ("prepaid.topped_up", 7)
    assert "operator:" in entry["memo"]
    assert minor(line.json("supplier", "correct", "fulu", entry["entry"], "--memo", "typo")) == 14_800
    assert line("supplier", "correct", "fulu", entry["entry"], "--memo", "typo").exit_code == 1
    assert line("supplier", "adjust", "fulu", "--ref", "x", "--memo", "neither gained nor lost").exit_code == 1
    assert "-2.00 CNY" in line("supplier", "lines", "fulu").output
    assert "148.00 CNY" in line("supplier", "balance").output


def test_a_supplier_that_does_not_answer_is_seen_and_warned_of(line: cli_support.Line) -> None:
    for _ in range(3):
        shown = line("supplier", "balance", "fulu", "--now")
        assert shown.exit_code == 0, shown.output
    assert "ClientConnectorError" in shown.output
    looks = line.json("supplier", "looks", "fulu")
    assert [one["reported"] for one in looks] == [None] * 3
    (one,) = line.json("warning", "list", "--kind", "supplier_balance_unread")
    assert "could not be read 3 times running" in line("warning", "list").output
    assert "余额连续 3 次查询失败" in line("warning", "list", HEYI_LANG="zh").output
    assert "looked after by operator:" in line("warning", "ack", one["id"]).output
    assert "quiet until" in line("warning", "snooze", one["id"], "--for", "2d").output
    assert line.json("warning", "list") == []
    assert len(line.json("warning", "list", "--state", "snoozed")) == 1
    assert line("warning", "snooze", one["id"], "--for", "soon").exit_code == 1
    assert line("warning", "mails").exit_code == 0


def test_when_to_warn_is_set_for_one_or_for_all(line: cli_support.Line) -> None:
    supplier = line.json("supplier", "balance", "fulu")["supplier"]
    set_ = line.json("warning", "when", supplier, "--set", "balance_minor=20000", "--set", "hours=48")
    assert (set_["balance_minor"], set_["hours"], set_["own"]) == (20_000, 48, {"balance_minor": 20_000, "hours": 48})
    assert "set for it" in line("warning", "when", supplier).output
    assert line.json("warning", "when", "alliance", "--set", "hours=12")["hours"] == 12
    back = line.json("warning", "when", supplier, "--set", "hours=none")
    assert (back["hours"], back["own"]) == (12, {"balance_minor": 20_000})
    line("supplier", "balance", "fulu", "--now")
    (low,) = line.json("warning", "list", "--kind", "supplier_balance_low")
    assert low["numbers"]["left_minor"] == 14_800
    assert low["en"] == "the balance at fulu is low: 148.00 CNY left"
    for wrong in ("hours=-1", "hours=many", "hours"):
        assert line("warning", "when", supplier, "--set", wrong).exit_code == 1
    assert line("warning", "when", "sup_1").exit_code == 1


def test_what_an_operator_types_is_understood_or_said_to_be_wrong(line: cli_support.Line) -> None:
    """Codes do where ids do; every number says its unit; a cure names nothing that is not there."""
    assert line.json("warning", "when", "cake", "--set", "days=9")["days"] == 9
    assert "fen: less than that" in line("warning", "when", "fulu").output
    assert "no supplier or benefit kake" in line("warning", "when", "kake").output
    assert "there are: cake" in line("route", "show", "kake").output
    made = line.json("route", "add", "cake", "fulu", "20101", "4.70 CNY", "--priority", "7")
    assert (made["product_no"], made["cost"]["amount_minor"], made["priority"]) == ("20101", 470, 7)
    assert "fulu" in line("route", "show", "cake").output
    assert "write it as on a price tag" in line("route", "add", "cake", "fulu", "20101", "4.70").output
    unsaid = line("route", "breaker", "fulu", "open")
    assert (unsaid.exit_code, "--why" in unsaid.output) == (1, True)
    assert line("route", "breaker", "fulu", "open", "--why", "maintenance").exit_code == 0
    assert line("route", "breaker", "fulu", "closed", "--why", "over").exit_code == 0


def test_days_of_stock(line: cli_support.Line, tmp_path: Path, database_url: str) -> None:
    file = tmp_path / "keys.csv"
    file.write_text("code\n" + "".join(f"CAKE-{n:05}\n" for n in range(30)))
    words = ("keys", "import", str(file), "--benefit", "cake", "--batch", "cakes", "--cost", "12.50")
    assert line(*words).exit_code == 0
    (cake,) = line.json("keys", "days")
    assert (cake["ready"], cake["days_left"], cake["bounded"], cake["waiting"]) == (30, None, False, 0)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into stock.demand select id, now() - interval '3 hours', 15"
            " from catalog.benefits where code = 'cake'"
        )
    (cake,) = line.json("keys", "days", "--search", "蛋糕")
    assert (cake["a_day_week"], cake["a_day_month"], cake["days_left"]) == (15.0, 15.0, 2)
    assert line.json("keys", "days", "--search", "no such") == []
    assert "15.0" in line("keys", "days").output
