"""The world outside: the simulator as the supplier of top-ups, and the worker that talks to it."""

from __future__ import annotations

import sys
from uuid import UUID

from bench.stage import Stage, answers, free_port
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import accounts


class Outside:
    """A running simulator, and an account at one of its suppliers with so many slots (calls at once)."""

    def __init__(self, stage: Stage, *, slots: int = 64) -> None:
        self._stage = stage
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        stage.start(
            "simulator", [sys.executable, "-m", "simulator", "--port", str(port)],
            lambda: answers(f"{self._url}/control/health"),
        )  # fmt: skip
        self.supplier_id = stage.tools(lambda tools: self._account(tools, slots))

    async def _account(self, tools: Tools, slots: int) -> UUID:
        async with tools.db.transaction() as tx:
            made = await accounts.make(
                tx, tools.sealing, code="kasushou", title="Simulated supplier", dialect="kasushou",
                base_url=f"{self._url}/kasushou", public_url=tools.settings.public_url, slots=slots,
                credentials={"user_id": "10001", "key": "simulator-kasushou-key"}, timeout_ms=10_000, typical_ms=100,
                grace_ms=None, now=tools.clock.now(),
            )  # fmt: skip
        return made.id

    def start_worker(self) -> None:
        """One worker; the web must run already, for suppliers call it back."""
        port = free_port()
        self._stage.start(
            "worker", [sys.executable, "-m", "heyi.app.worker", "--metrics-port", str(port)],
            lambda: answers(f"http://127.0.0.1:{port}/metrics"), {"HEYI_PUBLIC_URL": self._stage.public_url},
        )  # fmt: skip
