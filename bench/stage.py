"""Everything on one machine, as in production: PostgreSQL that really writes to disk, web, worker, simulator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from bench.cpu import parent_of
from bench.report import say
from heyi.app.embedded import Embedded
from heyi.app.migrate import migrate
from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.clock import OffsetClock

MASTER_KEY = bytes(range(32))
READY_S_MAX = 180.0  # a loaded machine is no error
T = TypeVar("T")


class BenchError(Exception):
    """Something did not work; slowness never is an error."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the web is served."""

    server: str = "uvicorn"
    processes: int = 2

    def __str__(self) -> str:
        return f"{self.processes} x {self.server}"


@dataclass
class Stage:
    """A fresh server in a folder of its own; `database` is the one that the processes use."""

    folder: Path
    postgres: Embedded
    database: str = "heyi"
    public_url: str = ""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.postgres.url(self.database)

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.url, master_key=MASTER_KEY, home=self.folder)

    def postmaster(self) -> int:
        """The server's process, found as the parent of a session."""
        with psycopg.connect(self.postgres.url("postgres")) as connection:
            return parent_of(connection.info.backend_pid)

    def execute(self, statement: str, database: str = "") -> None:
        with psycopg.connect(self.postgres.url(database or self.database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that answer a question."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(question.encode(), values or None).fetchall()

    def start(self, name: str, command: list[str], ready: Callable[[], bool], env: Mapping[str, str] = {}) -> int:
        """Start a process and wait until it is ready; answers its number."""
        whole = {
            **os.environ, "HEYI_DATABASE_URL": self.url, "HEYI_MASTER_KEY": MASTER_KEY.hex(),
            "HEYI_HOME": str(self.folder), "HEYI_LOG": "json", "HEYI_LOG_LEVEL": "WARNING", **env,
        }  # fmt: skip
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env=whole, start_new_session=True)
        self.running[name] = process
        until = time.monotonic() + READY_S_MAX
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise BenchError(f"{name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        return process.pid

    def stop(self, *names: str) -> None:
        """Stop these processes, or all."""
        for name in names or tuple(self.running):
            process = self.running.pop(name, None)
            if process is not None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def start_web(self, shape: Shape) -> int:
        """Serve the web; answers its port."""
        port = free_port()
        if shape.server == "granian":
            command = [
                str(Path(sys.executable).with_name("granian")), "--interface", "asgi", "--factory", "--host",
                "127.0.0.1", "--port", str(port), "--workers", str(shape.processes), "--loop", "uvloop", "--no-ws",
                "heyi.app.web:make_app",
            ]  # fmt: skip
        else:
            command = [sys.executable, "-m", "heyi.app.web", "--port", str(port), "--processes", str(shape.processes)]
        url = self.public_url = f"http://127.0.0.1:{port}"
        self.start("web", command, lambda: answers(f"{url}/healthz"), {"HEYI_PUBLIC_URL": url})
        return port

    def tools(self, work: Callable[[Tools], Coroutine[Any, Any, T]], *, connections: int = 4) -> T:
        """Run `work` with tools over the stage's database."""

        async def inside() -> T:
            database = Database(self.url, connections_max=connections, name="heyi bench")
            await database.open()
            try:
                async with Http() as http:
                    return await work(Tools(database, OffsetClock(), Sealing(MASTER_KEY), http, self.settings))
            finally:
                await database.close()

        return asyncio.run(inside())


@contextlib.contextmanager
def fresh_stage() -> Iterator[Stage]:
    """A durable server (fsync on) in a temporary folder, migrated; all of it gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="heyi-bench-"))
    postgres = Embedded(folder, say=say)
    stage = Stage(folder, postgres)
    try:
        postgres.start()
        migrate(stage.url)
        yield stage
    finally:
        stage.stop()
        postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def run_load(**told: object) -> dict[str, Any]:
    """One run of the load generator. Raises BenchError when an answer was not the wanted one."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"the load generator failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    if result["bad"]:
        raise BenchError(f"an answer was not as wanted {result['statuses']}: {result['bad']}")
    return result


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answers(url: str) -> bool:
    """Whether this address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
