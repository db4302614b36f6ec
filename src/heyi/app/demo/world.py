"""The demo's outside world, steered through the simulator's control API (src/simulator/README.md)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from heyi.app.process import Trouble


class World:
    """A running simulator. Its suppliers are known by name: kasushou, fulu."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx2.Client(base_url=self.url, timeout=15.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._http.close()

    def suppliers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", "/control/suppliers")["data"]
        return found

    def configure(self, supplier: str, **settings: object) -> None:
        """Change what is named (callback_url, work_ms, …)."""
        self._ask("PUT", f"/control/suppliers/{supplier}", settings)

    def misbehave(self, supplier: str, rules: list[dict[str, object]]) -> None:
        """From now on, in these ways and no other."""
        self._ask("PUT", f"/control/suppliers/{supplier}/faults", rules)

    def behave(self, supplier: str) -> None:
        self._ask("DELETE", f"/control/suppliers/{supplier}/faults")

    def delivered(self, supplier: str, prefix: str) -> int:
        """How often this supplier really delivered for outer numbers that begin so."""
        return int(self._ask("GET", f"/control/suppliers/{supplier}/deliveries?prefix={prefix}")["total"])

    def receive(self, receiver: str, secret: str) -> None:
        """Verify webhooks that come to /receiver/{receiver} with this secret."""
        self._ask("PUT", f"/control/receivers/{receiver}", {"secret": secret})

    def received(self, receiver: str) -> dict[str, Any]:
        """What came: counts, and the last deliveries."""
        found: dict[str, Any] = self._ask("GET", f"/control/receivers/{receiver}?limit=200")
        return found

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            answer = (
                self._http.request(method, path, json=body) if body is not None else self._http.request(method, path)
            )
        except httpx2.TransportError as error:
            raise Trouble(
                f"the simulator does not answer at {self.url}", "it runs as long as `heyi demo` does; look there"
            ) from error
        if answer.status_code >= 400:
            raise Trouble(f"the simulator refused {method} {path}: {answer.text[:200]}", "see src/simulator/README.md")
        return msgspec.json.decode(answer.content) if answer.content else None
