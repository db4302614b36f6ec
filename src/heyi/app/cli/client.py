"""Calls heyi over HTTP, as every operator's program would: a key, JSON, problem+json, idempotent retries."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from heyi.app.cli import home
from heyi.app.process import Trouble

TIMEOUT_S = 60.0
PAGE = 200
RETRY_GAPS_S = (0.1, 0.3, 1.0)


class ApiRefused(Exception):
    """heyi answered with a problem: `status`, `code` and what is wrong, `faults` with a JSON pointer each."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code") or f"http.{status}")
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.faults = [f for f in problem.get("errors") or [] if isinstance(f, dict)]
        super().__init__(f"{self.code}: {self.detail}")

    @property
    def cure(self) -> str | None:
        """What the operator can do, where the code alone tells."""
        if self.status == 401:
            return "set HEYI_OPERATOR_KEY, or run this where .heyi of a running heyi is (HEYI_HOME)"
        if self.status == 403:
            return "use a key that has this scope"
        if self.status >= 500:
            return "read the web process's log: .heyi/web.log"
        return None


class Client:
    """One caller of one heyi. Answers are parsed JSON; refusals are ApiRefused, silence is Trouble with the cure."""

    def __init__(self, url: str, key: str, *, language: str = "en") -> None:
        self.url, self.key = url.rstrip("/"), key
        headers = {"Accept-Language": language, "User-Agent": "heyi-cli"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)

    @classmethod
    def operator(cls) -> Self:
        """With the operator's key: HEYI_OPERATOR_KEY, else the one that `heyi up` or `heyi demo` keeps in .heyi."""
        return cls(home.url(), home.operator_key(), language=os.environ.get("HEYI_LANG", "en"))

    @classmethod
    def channel(cls) -> Self:
        """With a channel's key: HEYI_CHANNEL_KEY, else the demo's."""
        return cls(home.url(), home.channel_key(), language=os.environ.get("HEYI_LANG", "en"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._http.close()

    # -- calls -----------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: object) -> Any:
        return self.send("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """With an Idempotency-Key (made here unless given), so that a broken line may be tried again."""
        return self.send(
            "POST", path, json=body or {}, headers={"Idempotency-Key": key or f"cli-{secrets.token_hex(8)}"}
        )

    def put(self, path: str, body: object) -> Any:
        return self.send("PUT", path, json=body)

    def patch(self, path: str, body: object) -> Any:
        return self.send("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def upload(self, path: str, content: Iterable[bytes], *, method: str = "PUT", **headers: str) -> Any:
        """A streamed body; never repeated here, because a stream cannot be rewound."""
        return self.send(method, path, content=content, headers=headers, retry=False)

    def now(self) -> datetime:
        """The alliance's time, which may be ahead of this machine's (operators only)."""
        return datetime.fromisoformat(self.get("/clock")["now"])

    def every(self, path: str, **query: object) -> Iterator[Any]:
        """All entries of a list, page after page, newest first."""
        cursor = None
        while True:
            page = self.get(path, limit=PAGE, cursor=cursor, **query)
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def download(self, path: str, to: Path, **query: object) -> int:
        """Save an answer to a file, piece by piece; its bytes."""
        with self._http.stream("GET", self._path(path), params={k: str(v) for k, v in query.items()}) as answer:
            if answer.status_code >= 400:
                answer.read()
                raise _refusal(answer)
            with to.open("wb") as file:
                return sum(file.write(piece) for piece in answer.iter_bytes())

    def send(self, method: str, path: str, *, retry: bool = True, **more: Any) -> Any:
        """One exchange; a line that breaks is tried again (every call is idempotent). Raises ApiRefused, Trouble."""
        gaps = RETRY_GAPS_S if retry else ()
        for gap in (*gaps, None):
            try:
                answer = self._http.request(method, self._path(path), **more)
                break
            except httpx2.ConnectError as error:
                raise self._nobody() from error
            except httpx2.TransportError as error:
                if gap is None:
                    raise Trouble(
                        f"{self.url} did not answer: {type(error).__name__}", "look at .heyi/web.log, and try again"
                    ) from error
                time.sleep(gap)
        if answer.status_code >= 400:
            raise _refusal(answer)
        return msgspec.json.decode(answer.content) if answer.content else None

    def _path(self, path: str) -> str:
        return path if path.startswith(("/v1/", "/healthz", "/metrics")) else "/v1/operator" + path

    def _nobody(self) -> Trouble:
        return Trouble(
            f"nothing answers at {self.url}",
            "is heyi running? start it with `heyi up` or `heyi demo` (or set HEYI_URL)",
        )


def _refusal(answer: httpx2.Response) -> ApiRefused:
    try:
        problem = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": answer.text[:300] or answer.reason_phrase}
    return ApiRefused(answer.status_code, problem)
