"""The outside world for the tests of fulfilment: one simulator for the session, a fresh supplier for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.simulator.running import start_simulator

from heyi.infra.tools import Tools
from heyi.provision.fulfilment import accounts
from heyi.provision.fulfilment.suppliers import DIALECTS
from simulator.dialects import SPEECHES

_names = itertools.count(1)


@dataclass(frozen=True)
class Shop:
    """One supplier of the simulator and our account there."""

    url: str
    name: str
    dialect: str
    id: UUID

    def _ask(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        reply = httpx2.request(method, f"{self.url}/control/suppliers/{self.name}{path}", json=body, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def faults(self, *rules: dict[str, Any]) -> None:
        self._ask("PUT", "/faults", list(rules))

    def settings(self, **settings: object) -> None:
        self._ask("PUT", "", settings)

    def product(self, number: str, **told: object) -> None:
        """Change one product (or add it); with nothing told, it is gone."""
        self._ask("PUT" if told else "DELETE", f"/products/{number}", told or None)

    def received(self) -> int:
        """How many calls it has got."""
        return sum(self._ask("GET", "")["received"].values())

    def serving_max(self) -> int:
        """How many calls it served at once, at most."""
        return int(self._ask("GET", "")["serving_max"])

    def delivered(self, prefix: str = "") -> int:
        return int(self._ask("GET", "/deliveries", prefix=prefix)["total"])

    def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", "/orders", limit=1000)["data"]
        return found


def secret_of(name: str) -> str:
    """The secret of a supplier in the simulator: as long as a key of AES-256."""
    return f"{name}-secret-key".ljust(32, "0")


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_simulator(tmp_path_factory.mktemp("simulator")) as running:
        yield running.url


async def open_shop(tools: Tools, url: str, dialect: str = "kasushou", **settings: Any) -> Shop:
    """A new supplier in the simulator (20 ms of work) and our account there (short times, no grace)."""
    name = f"{dialect.replace('_', '-')}-{next(_names)}"
    products = [
        {"id": "1001", "name": "视频会员月卡", "price_fen": 1500, "pattern": r"^1\d{10}$"},
        {"id": "1101", "name": "外卖红包卡密", "kind": "card", "price_fen": 480},
    ]
    values = ["10001", secret_of(name)]
    credentials = dict(zip([one.name for one in DIALECTS[dialect].credentials], values, strict=True))
    theirs = dict(zip(SPEECHES[dialect].credentials, values, strict=True))
    made = {"dialect": dialect, "credentials": theirs, "products": products, "work_ms": 20, "callback_resends": 0}
    httpx2.put(f"{url}/control/suppliers/{name}", json=made).raise_for_status()
    ours = {"slots": 20, "timeout_ms": 1000, "typical_ms": 0, **settings}
    async with tools.db.transaction() as tx:
        account = await accounts.make(
            tx, tools.sealing, code=name, title=name, dialect=dialect, base_url=f"{url}/{name}",
            credentials=credentials, public_url=tools.settings.public_url, now=tools.clock.now(), **ours,
        )  # fmt: skip
    return Shop(url, name, dialect, account.id)
