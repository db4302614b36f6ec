"""A heyi that really runs (web in a process of its own, over a fresh database), and its command line in this one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from typer.testing import CliRunner

from heyi.app import admin
from heyi.app.cli import app

MASTER_KEY = bytes(range(32)).hex()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Line:
    """A terminal in which heyi's settings are set."""

    env: dict[str, str]

    def __call__(self, *words: str, **env: str) -> Any:
        return CliRunner().invoke(app, list(words), env={**self.env, **env}, prog_name="heyi")

    def json(self, *words: str) -> Any:
        """The answer of a command that must succeed."""
        done = self(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@contextmanager
def serving(database_url: str, home: Path) -> Iterator[Line]:
    """A web process, and the command line that finds it."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"HEYI_DATABASE_URL": database_url, "HEYI_MASTER_KEY": MASTER_KEY, "HEYI_HOME": str(home)}
    key = admin.first_operator_key(database_url)
    assert key is not None
    log = (home / "web.log").open("wb")
    web = subprocess.Popen(
        [sys.executable, "-m", "heyi.app.web", "--port", str(port)],
        env={**os.environ, **settings},
        stdout=log,
        stderr=log,
    )
    try:
        wait_for(f"{url}/healthz", web, home / "web.log")
        yield Line({**settings, "HEYI_URL": url, "HEYI_OPERATOR_KEY": key, "HEYI_LANG": "en"})
    finally:
        web.terminate()
        web.wait(20)
        log.close()


def wait_for(url: str, process: subprocess.Popen[Any], log: Path, within_s: float = 90) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        waiting = process.poll() is None and time.monotonic() < deadline
        assert waiting, log.read_text()[-2000:]
        time.sleep(0.05)
