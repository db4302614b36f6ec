"""Keys through the front door: the operator API and `heyi keys`, with a web process that really runs and is killed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import xlsxwriter
from tests.app.cli_support import MASTER_KEY, free_port, wait_for
from typer.testing import CliRunner

from heyi.app import admin
from heyi.app.cli import keys
from heyi.app.cli.client import ApiRefused, Client
from heyi.app.cli.sending import Sending
from heyi.app.process import Trouble

PATIENCE_S = 30.0
COST = {"amount_minor": 1250, "currency": "CNY"}


class Web:
    """A web process on one port; `kill` is SIGKILL."""

    def __init__(self, database_url: str, home: Path) -> None:
        self.port, self.home = free_port(), home
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = str(admin.first_operator_key(database_url))
        self.env = {"HEYI_DATABASE_URL": database_url, "HEYI_MASTER_KEY": MASTER_KEY, "HEYI_HOME": str(home)}
        self.start()

    def start(self) -> None:
        log = self.home / "web.log"
        with log.open("ab") as to:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "heyi.app.web", "--port", str(self.port)],
                env={**os.environ, **self.env}, stdout=to, stderr=to,
            )  # fmt: skip
        wait_for(f"{self.url}/healthz", self.process, log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def line(self, *words: str) -> Any:
        """`heyi keys …` in this terminal."""
        env = {**self.env, "HEYI_URL": self.url, "HEYI_OPERATOR_KEY": self.key, "HEYI_LANG": "en"}
        return CliRunner().invoke(keys.app, list(words), env=env)

    def json(self, *words: str) -> Any:
        done = self.line(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def web(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    running = Web(database_url, tmp_path_factory.mktemp("web"))
    with Client(running.url, running.key) as api:
        partner = api.post("/partners", {"code": "galaxy", "title": "星河"})["id"]
        price = {"amount_minor": 3000, "currency": "CNY"}
        for code, kind in (("coffee", "card_key"), ("lounge", "voucher")):
            body = {"code": code, "partner": partner, "kind": kind, "title": code, "market_price": price}
            api.post("/benefits", body)
    yield running
    running.kill()


@pytest.fixture
def api(web: Web) -> Iterator[Client]:
    with Client(web.url, web.key) as client:
        yield client


def announced(api: Client, **more: object) -> str:
    asked = {"benefit": "coffee", "batch": "http", "cost": COST, "columns": {"code": "code", "secret": "secret"}}
    return str(api.post("/key_imports", asked | more)["id"])


def test_import_with_the_command_line(web: Web, tmp_path: Path) -> None:
    file, bad = tmp_path / "keys.csv", tmp_path / "bad.csv"
    file.write_text("卡号,密码,有效期\nCLI-CODE-0001,p1,2027-01-31\nCLI-CODE-0002,,\nCLI-CODE-0001,p1,\n", "gb18030")
    words = ["import", str(file), "--benefit", "coffee", "--batch", "cli-1", "--cost", "12.50", "--errors-to", str(bad)]
    mapped = ["--map", "code=卡号,secret=密码,expires=有效期"]
    dry = web.json(*words, *mapped, "--dry-run")
    assert [dry[f"rows_{what}"] for what in ("read", "added", "bad", "repeated")] == [3, 1, 1, 1]
    assert web.json("batches") == []
    done = web.json(*words, *mapped)
    assert [done[f"rows_{what}"] for what in ("read", "added", "bad", "repeated")] == [3, 1, 1, 1]
    with bad.open(encoding="utf-8-sig", newline="") as content:
        assert [(row["line"], row["reason"], row["value"]) for row in csv.DictReader(content)] == [
            ("3", "empty", "****002"), ("4", "repeated_in_file", "****001"),
        ]  # fmt: skip
    (batch,) = web.json("batches")
    assert (batch["code"], batch["ready"], batch["total"], batch["cost"]) == ("cli-1", 1, 1, COST)
    (key,) = web.json("list", "cli-1")
    assert (key["tail"], key["state"]) == ("****001", "available")
    assert web.line("quarantine", "cli-1", "--reason", "leak").exit_code == 0
    assert web.json("list", "cli-1")[0]["state"] == "quarantined"
    assert web.json("release", "cli-1", "--reason", "checked")["ready"] == 1
    assert web.json("void", key["id"], "--reason", "dead")["count"] == 1
    again = web.line("void", key["id"], "--reason", "dead")
    assert (again.exit_code, "stock.wrong_state" in again.output) == (1, True)
    assert "(dry run)" in web.line("imports").output
    for line in ([*words, "--cost", "1"], [*words, "--map", "code=nobody"], [*words, "--map", "x"]):
        refused = web.line(*line)
        assert refused.exit_code == 1, refused.output
    assert "CLI-CODE" not in refused.output


def test_txt_and_workbook_with_the_command_line(web: Web, tmp_path: Path) -> None:
    text, book = tmp_path / "keys.txt", tmp_path / "keys.xlsx"
    text.write_text("TXT-1----p1\nTXT-2----p2\n")
    with xlsxwriter.Workbook(str(book)) as made:
        sheet = made.add_worksheet()
        for number, row in enumerate([("卡号", "卡密", "有效期"), ("00012", "p", "2027/1/31"), ("00013", "p", "")]):
            sheet.write_row(number, 0, row)
    common = ["--benefit", "coffee", "--cost", "3.00 CNY", "--expires", "2028-12-31"]
    done = web.json("import", str(text), "--batch", "txt-1", "--delimiter", "----", "--map", "code=1,secret=2", *common)
    assert done["rows_added"] == 2
    assert web.json("import", str(book), "--batch", "book-1", *common)["rows_added"] == 2
    expiries = {key["expires_at"] for key in web.json("list", "book-1")}
    assert len(expiries) == 2
    assert "2028-12-31T16:00:00Z" in expiries


def test_what_the_api_refuses(api: Client) -> None:
    wrong = [
        ({"benefit": "nobody"}, 404, "benefit.not_found"),
        ({"benefit": "lounge"}, 422, "stock.not_a_card"),
        ({"cost": {"amount_minor": -1, "currency": "CNY"}}, 400, "request.invalid"),
        ({"format": "pdf"}, 400, "request.invalid"),
        ({"delimiter": '"'}, 400, "request.invalid"),
        ({"columns": {"secret": "x"}}, 400, "request.invalid"),
        ({"expires_at": "2027-01-31"}, 400, "request.invalid"),
        ({"more": 1}, 400, "request.invalid"),
    ]
    for more, status, code in wrong:
        with pytest.raises(ApiRefused) as refused:
            announced(api, **more)
        assert (refused.value.status, refused.value.code) == (status, code)
    nil = "0" * 26
    nowhere = ("key_imports/imp_nonsense", f"key_imports/imp_{nil}/errors", f"key_batches/bat_{nil}/keys")
    for path in (f"/{path}" for path in nowhere):
        with pytest.raises(ApiRefused) as refused:
            api.get(path)
        assert refused.value.status == 404
    work = announced(api)
    for content, code in ((b"", "stock.import_unreadable"), (b"a,b\n1,2\n", "stock.import_columns")):
        with pytest.raises(ApiRefused) as refused:
            api.upload(f"/key_imports/{work}/file", iter([content]))
        assert (refused.value.status, refused.value.code) == (422, code)


def lines(count: int, word: str) -> bytes:
    return b"code,secret\n" + b"".join(b"%s-%09d,p%d\n" % (word.encode(), n, n) for n in range(count))


def slowly(content: bytes, go_on: threading.Event, half: int) -> Iterator[bytes]:
    for at in range(0, len(content), 1 << 16):
        if at >= half:
            go_on.wait(PATIENCE_S)
        yield content[at : at + (1 << 16)]


def wait_until(ask: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_web_loses_nothing_and_takes_nothing_twice(web: Web, database_url: str) -> None:
    count = 100_000
    content = lines(count, "KILL")
    killed = threading.Event()
    broken: list[BaseException] = []
    with Client(web.url, web.key) as api:
        work = announced(api, batch="killed")

        def upload() -> None:
            try:
                api.upload(f"/key_imports/{work}/file", slowly(content, killed, len(content) * 2 // 3))
            except Trouble as error:
                broken.append(error)

        sender = threading.Thread(target=upload)
        sender.start()
        with Client(web.url, web.key) as other:
            wait_until(lambda: other.get(f"/key_imports/{work}")["position"] > 0)
        web.kill()
        killed.set()
        sender.join(PATIENCE_S)
    assert broken
    web.start()
    with Client(web.url, web.key) as api:
        before = api.get(f"/key_imports/{work}")
        assert before["state"] == "running"
        assert 0 < before["rows_added"] < count
        done = api.upload(f"/key_imports/{work}/file", iter([content]))
        assert [done[f"rows_{what}"] for what in ("read", "added", "bad", "repeated")] == [count, count, 0, 0]
        (batch,) = api.get("/key_batches", search="killed")["data"]
        assert (batch["ready"], batch["total"]) == (count, count)
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "select count(*), count(distinct key_id) from stock.fingerprints f join stock.keys k on k.id = f.key_id "
            "join stock.batches b on b.id = k.batch_id where b.code = 'killed'"
        ).fetchone()
        assert found == (count, count)


def test_a_broken_line_is_healed_by_the_command_line(web: Web, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_bytes(lines(60_000, "LINE"))
    answers: list[Any] = []
    with Client(web.url, web.key) as api:
        work = announced(api, batch="line")
        sending = Sending(api, work, file, quiet=True)
        sender = threading.Thread(target=lambda: answers.append(sending.send()))
        sender.start()
        with Client(web.url, web.key) as other:
            wait_until(lambda: other.get(f"/key_imports/{work}")["position"] > 0)
        web.kill()
        web.start()
        sender.join(PATIENCE_S)
    assert [answers[0][f"rows_{what}"] for what in ("added", "bad", "repeated")] == [60_000, 0, 0]


def test_errors_come_in_pages_and_in_the_callers_language(api: Client, tmp_path: Path) -> None:
    work = announced(api, batch="bad")
    api.upload(f"/key_imports/{work}/file", iter([b"code,secret\n" + b",x\n" * 12_000]))
    to = tmp_path / "bad.csv"
    api.download(f"/key_imports/{work}/errors", to)
    rows = to.read_text("utf-8-sig").splitlines()
    assert len(rows) == 12_001
    assert rows[-1] == "12001,empty,the code or the secret is empty,****"
