"""The world outside: the simulator as the supplier of top-ups, and the worker that talks to it."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any
from uuid import UUID

from bench.stage import Stage, answers, free_port
from bench.world import PRODUCT_NO
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import accounts

CREDENTIALS = {"user_id": "10001", "key": "simulator-kasushou-key"}


class Outside:
    """A running simulator, and an account at one of its suppliers with so many slots (calls at once)."""

    def __init__(self, stage: Stage, *, slots: int = 64) -> None:
        self._stage = stage
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        stage.start(
            "simulator", [sys.executable, "-m", "simulator", "--port", str(port)],
            lambda: answers(f"{self.url}/control/health"),
        )  # fmt: skip
        self.supplier_id = stage.tools(lambda tools: self._account(tools, "kasushou", slots))

    async def _account(self, tools: Tools, name: str, slots: int) -> UUID:
        async with tools.db.transaction() as tx:
            made = await accounts.make(
                tx, tools.sealing, code=name, title="Simulated supplier", dialect="kasushou",
                base_url=f"{self.url}/{name}", public_url=tools.settings.public_url, slots=slots,
                credentials=CREDENTIALS, timeout_ms=10_000, typical_ms=100, now=tools.clock.now(),
            )  # fmt: skip
        return made.id

    def open(self, name: str, *, slots: int) -> UUID:
        """Another supplier of the same dialect, with the same product, and our account there."""
        products = [{"id": PRODUCT_NO, "name": "视频会员月卡", "price_fen": 1500}]
        self.control("PUT", name, {"dialect": "kasushou", "credentials": CREDENTIALS, "products": products})
        return self._stage.tools(lambda tools: self._account(tools, name, slots))

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The simulator's control API of one supplier."""
        request = urllib.request.Request(
            f"{self.url}/control/suppliers/{path}", method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def start_worker(self) -> None:
        """One worker. Suppliers call back to the web, if one runs."""
        port = free_port()
        public_url = self._stage.public_url or f"http://127.0.0.1:{free_port()}"
        self._stage.start(
            "worker", [sys.executable, "-m", "heyi.app.worker", "--metrics-port", str(port)],
            lambda: answers(f"http://127.0.0.1:{port}/metrics"), {"HEYI_PUBLIC_URL": public_url},
        )  # fmt: skip
