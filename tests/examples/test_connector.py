"""The example connector, installed as its reader would install it, delivers at a supplier that wants a login first."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of
from tests.provision.fulfilment.operating import Operator, operating

from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import from_text
from heyi.kernel.talk import Declined, Delivered
from heyi.provision.fulfilment import connectors

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "connector"
APP, SECRET, TOKEN = "app-7", "tokenshop-secret-key", "token-0123456789"


class Shop(ThreadingHTTPServer):
    """What the example's supplier does, written beside it: a signed login gives a token that opens the rest."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.orders: dict[str, dict[str, Any]] = {}
        self.logins, self.shut = 0, False


class Counter(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/login":
            mine = hmac.new(SECRET.encode(), (APP + body["time"]).encode(), hashlib.sha256).hexdigest()
            self.server.logins += 1
            self._say({"token": TOKEN} if mine == body["sign"] and not self.server.shut else {"error": "no"})
        elif self._known():
            order = {"id": "S-1", "number": body["number"], "state": "working", "cost": "15.00"}
            self._say(self.server.orders.setdefault(body["number"], order))

    def do_GET(self) -> None:
        if self.path == "/balance" and self._known():
            self._say({"balance": "88.00"})
        elif self._known():
            self._say(self.server.orders.get(self.path.removeprefix("/orders/"), {"error": "not_found"}))

    def _known(self) -> bool:
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if not known:
            self._say({"error": "who are you"}, 401)
        return known

    def _say(self, answer: object, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package in a folder of its own, as pip puts it there."""
    source, target = tmp_path_factory.mktemp("source") / "connector", tmp_path_factory.mktemp("target")
    shutil.copytree(EXAMPLE, source)
    wanted = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *wanted, "--target", str(target), str(source)], check=True)
    sys.path.insert(0, str(target))
    connectors.look_again()
    yield target
    if str(target) in sys.path:
        sys.path.remove(str(target))
    connectors.look_again()


@pytest.fixture(scope="module")
async def operator(tools: Tools, installed: Path) -> AsyncIterator[Operator]:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)
    async with operating(tools) as made:
        yield made


async def test_a_package_delivers_and_when_it_is_gone_its_tasks_wait(
    tools: Tools, operator: Operator, shop: Shop, installed: Path
) -> None:
    (choice,) = (await operator.ask("GET", "/dialects?search=tokenshop"))["data"]
    assert (choice["origin"], [c["name"] for c in choice["credentials"]]) == ("package", ["app_id", "secret"])
    made = await operator.ask(
        "POST", "/suppliers", 201,
        json={"code": "token", "title": "t", "dialect": "tokenshop", "base_url": f"http://127.0.0.1:{shop.server_port}",
              "credentials": {"app_id": APP, "secret": SECRET}, "typical_ms": 0},
    )  # fmt: skip
    path, supplier = f"/suppliers/{made['id']}", from_text("sup", made["id"])
    assert supplier is not None
    assert (await operator.ask("POST", f"{path}/check"))["balance"] == {"amount_minor": 8800, "currency": "CNY"}
    rehearsal = {"verb": "balance", "supplier": made["id"], "send": True}
    told = await operator.ask("POST", "/profiles/tokenshop/rehearse", json=rehearsal)
    assert (told["verdict"], len(told["calls"])) == ("balance", 2)
    assert TOKEN not in json.dumps(told)
    assert SECRET not in json.dumps(told)

    bought, waits = await planned(tools, *[part(tools.clock.now(), supplier=supplier) for _ in range(2)])
    shop.shut = True  # they refuse the login: nothing was bought, so it is tried again with a new number
    assert {type(answer) for answer in await round_at(tools, supplier, most=1)} == {Declined}
    shop.shut = False
    forward(tools, hours=1)
    await round_at(tools, supplier)
    assert len(shop.orders) == 2
    (attempt,) = [one for one in await attempts_of(tools, bought) if one.state == "accepted"]
    shop.orders[attempt.outer_number]["state"] = "done"
    stamp, body = str(int(tools.clock.wall().timestamp())), json.dumps({"number": attempt.outer_number})
    sign = hmac.new(SECRET.encode(), (stamp + body).encode(), hashlib.sha256).hexdigest()
    call = made["callback_url"].removeprefix(tools.settings.public_url)
    heard = await operator.client.post(call, content=body, headers={"X-Time": stamp, "X-Sign": sign})
    assert (heard.status_code, heard.text) == (200, "ok")
    answers = await round_at(tools, supplier)
    assert [type(one) for one in answers if isinstance(one, Delivered)] == [Delivered]
    assert (await task_of(tools, bought)).state == "delivered"

    # Uninstalled: what is under way stays, the account says why, and a callback is not acknowledged.
    sys.path.remove(str(installed))
    connectors.look_again()
    forward(tools, hours=1)
    assert await round_at(tools, supplier) == []
    assert (await task_of(tools, waits)).state == "asking"
    assert (await operator.ask("GET", path))["unusable"] == "nothing here speaks dialect tokenshop"
    assert (await operator.client.post(call, content=body)).status_code == 400
    sys.path.insert(0, str(installed))
    connectors.look_again()
    assert (await operator.ask("GET", path))["unusable"] is None
