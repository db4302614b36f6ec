"""heyi for real, for tests: a database of its own, the simulator, web and worker processes; kill any, start it again.

    with Stack(webs=2, workers=2) as stack:
        order = stack.order("five", accounts={"phone": "13800138000"})

Everything is a process of its own. All of it is gone at the end, also when the test process itself was killed: the
database has its own guard, and another one sweeps up every process that carries this run's mark.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import psycopg
from psycopg.rows import namedtuple_row
from tests import alliance
from tests.simulator.speaking import World

from heyi.app import admin, leftovers
from heyi.app.embedded import Embedded
from heyi.app.leftovers import MARK, end_family
from heyi.app.migrate import migrate
from heyi.app.process import Guard

MASTER_KEY = "5a" * 32
HOST = "127.0.0.1"
PATIENCE_S = 20.0
START_WITHIN_S = 60.0
TICK_S = 0.02
T = TypeVar("T")


def until(condition: Callable[[], T], within_s: float = PATIENCE_S, waiting_for: str = "") -> T:
    """Ask until the answer is true, and answer it. A condition, never a time, is what tests wait for."""
    deadline = time.monotonic() + within_s
    while not (seen := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s in vain for {waiting_for or condition}")
        time.sleep(TICK_S)
    return seen


class Problem(AssertionError):
    """heyi answered with a problem document."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.status = answer.status_code
        self.body: dict[str, Any] = {}
        with suppress(ValueError):
            self.body = answer.json()
        self.code = str(self.body.get("code", ""))
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {self.status} {answer.text[:600]}")


@dataclass
class Caller:
    """Somebody with a key. `get` and `post` answer the parsed body, or raise Problem; `raw` answers the response."""

    url: str
    key: str | None
    prefix: str = "/v1"
    http: httpx2.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        # No certificates are read: that takes longer than the call.
        self.http = httpx2.Client(base_url=self.url, headers=headers, timeout=30.0, trust_env=False, verify=False)

    def raw(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return self.http.request(method, path if path.startswith(("/v1/", "http")) else self.prefix + path, **more)

    def send(self, method: str, path: str, **more: Any) -> Any:
        answer = self.raw(method, path, **more)
        if answer.status_code >= 400:
            raise Problem(answer)
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("POST", path, json={} if body is None else body, headers=headers)

    def patch(self, path: str, body: object) -> Any:
        return self.send("PATCH", path, json=body)

    def every(self, path: str, **query: Any) -> list[Any]:
        """All entries of a list."""
        found, cursor = [], None
        while True:
            page = self.get(path, limit=200, cursor=cursor, **query)
            found += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def refused(self, method: str, path: str, **more: Any) -> Problem:
        """The problem that this call must end in."""
        answer = self.raw(method, path, **more)
        assert answer.status_code >= 400, f"{method} {path} was not refused: {answer.status_code} {answer.text[:300]}"
        assert answer.headers["content-type"].startswith("application/problem+json"), answer.headers
        return Problem(answer)


class Stack:
    """See the module. `alliance=False` leaves the database without partners and bundles."""

    operator: Caller
    channel: Caller
    partner: Caller
    channel_id: str
    partner_id: str
    channels: dict[str, str]  # ids by code
    partners: dict[str, str]

    def __init__(
        self,
        *,
        webs: int = 1,
        workers: int = 1,
        make_alliance: bool = True,
        settings: Mapping[str, str] | None = None,
        suppliers: Mapping[str, int] | None = None,
        keys: int = 60,
    ) -> None:
        self._webs, self._workers, self._make_alliance = webs, workers, make_alliance
        self._settings, self._supplier_settings, self._keys = dict(settings or {}), dict(suppliers or {}), keys
        self._run = secrets.token_hex(16)
        self._argv: dict[str, list[str]] = {}
        self._ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log_from: dict[str, int] = {}
        self._exit = ExitStack()
        self.numbers = itertools.count(1)
        self._clients: list[Caller] = []

    # -- life --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self._clients:
            caller.http.close()
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
        for process in self.processes.values():
            process.wait()
        end_family(self._run, [])
        self._exit.close()

    def _start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="heyi-stack-"))
        self._exit.callback(shutil.rmtree, self.folder, ignore_errors=True)
        guard = Guard([sys.executable, "-m", leftovers.__name__, str(self.folder), self._run])
        self._exit.callback(guard.dismiss)
        self.postgres = self._exit.enter_context(Embedded.temporary("heyi-stack-db-"))
        self.database_url = self.postgres.url()
        migrate(self.database_url)
        # In a thread: it runs an event loop of its own, and pytest has one here already.
        with ThreadPoolExecutor(1) as aside:
            self.operator_key = aside.submit(admin.first_operator_key, self.database_url).result() or ""
        for number in range(self._webs):
            self._add(f"web{number + 1}", ["heyi.app.web", "--host", HOST])
        self.url = f"http://{HOST}:{self._ports['web1']}"
        self.urls = [f"http://{HOST}:{port}" for name, port in self._ports.items() if name.startswith("web")]
        self._add("simulator", ["simulator", "--store", str(self.folder / "simulator.sqlite")])
        self.simulator_url = f"http://{HOST}:{self._ports['simulator']}"
        for number in range(self._workers):
            self._add(f"worker{number + 1}", ["heyi.app.worker"], port=False)
        for name in self._argv:
            self.start(name, wait=False)
        for name in self._argv:
            self.await_ready(name)
        self.world = World(self.simulator_url)
        self._exit.callback(self.world.http.close)
        self.operator = self.caller(self.operator_key, "/v1/operator")
        if self._make_alliance:
            alliance.make(self, keys=self._keys, **self._supplier_settings)

    def _add(self, name: str, module: list[str], *, port: bool = True) -> None:
        argv = [sys.executable, "-m", *module]
        if port:
            self._ports[name] = free_port()
            argv += ["--port", str(self._ports[name])]
        self._argv[name] = argv

    # -- processes -----------------------------------------------------------------------------------------------------

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a process that is not running."""
        environment = {
            **os.environ,
            "HEYI_DATABASE_URL": self.database_url,
            "HEYI_MASTER_KEY": MASTER_KEY,
            "HEYI_PUBLIC_URL": self.url,
            "HEYI_HOME": str(self.folder),
            "HEYI_WEBHOOK_PRIVATE": "1",
            "HEYI_LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            **self._settings,
            MARK: f"{self._run}:{name}",
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self._log_from[name] = log.tell()
            self.processes[name] = subprocess.Popen(
                self._argv[name], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        running = {name: process.pid for name, process in self.processes.items() if process.poll() is None}
        leftovers.write(self.folder, self._run, running)
        if wait:
            self.await_ready(name)

    def await_ready(self, name: str) -> None:
        """Until it answers; a worker has no port, and is ready when it runs."""
        until(lambda: self._ready(name), START_WITHIN_S, f"{name} to answer")

    def kill(self, name: str) -> None:
        """SIGKILL, as by the kernel: nothing is said, nothing is put away."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def restart(self, name: str, *, wait: bool = True) -> None:
        """Kill it if it runs, and start it again on the same port."""
        if self.processes[name].poll() is None:
            self.kill(name)
        self.start(name, wait=wait)

    def is_up(self, name: str) -> bool:
        """Whether a web answers, or a worker has said that it works since it was started."""
        if self.processes[name].poll() is not None:
            return False
        if name in self._ports:
            return self._ready(name)
        said = (self.folder / f"{name}.log").read_bytes()[self._log_from[name] :]
        return b"worker started" in said

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _ready(self, name: str) -> bool:
        process = self.processes[name]
        assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.log(name)[-3000:]}"
        if name not in self._ports:
            return True
        path = "/control/health" if name == "simulator" else "/healthz"
        try:
            url = f"http://{HOST}:{self._ports[name]}{path}"
            return httpx2.get(url, trust_env=False, verify=False, timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    # -- talking -------------------------------------------------------------------------------------------------------

    def caller(self, key: str | None, prefix: str = "/v1", url: str | None = None) -> Caller:
        made = Caller(url or self.url, key, prefix)
        self._clients.append(made)
        return made

    def order(self, bundle: str, buyer: str = "u-1", *, number: str | None = None, **more: Any) -> Any:
        """Place an order of the channel's; answers it. Everything else goes into the body as it is."""
        return self.channel.post("/orders", self.order_body(bundle, buyer, number=number, **more))

    def order_body(self, bundle: str, buyer: str = "u-1", *, number: str | None = None, **more: Any) -> dict[str, Any]:
        number = number or f"T{next(self.numbers):06}"
        return {"channel_order_no": number, "bundle": bundle, "buyer": {"id": buyer}, **more}

    def now(self, order: Mapping[str, Any]) -> Any:
        """An order as it is now."""
        return self.channel.get(f"/orders/{order['id']}")

    def item(self, order: Mapping[str, Any], component: str, place: int = 0) -> Any:
        """One item of an order as it is now."""
        return self._items(order, component)[place]

    def _items(self, order: Mapping[str, Any], component: str) -> list[Any]:
        return [item for item in self.now(order)["items"] if item["component"] == component]

    def until_item(self, order: Mapping[str, Any], component: str, state: str, *, place: int = 0,
                   within_s: float = PATIENCE_S) -> Any:  # fmt: skip
        """Wait for an item's state; answers the item. A slot is named after its group until something is chosen."""
        seen: list[Any] = []

        def there() -> Any:
            seen[:] = self._items(order, component)[place : place + 1]
            return seen[0] if seen and seen[0]["state"] == state else None

        try:
            return until(there, within_s)
        except AssertionError:
            raise AssertionError(f"{component} did not become {state} within {within_s:g} s: {seen}") from None

    def delivered(self, item: Mapping[str, Any]) -> int:
        """How often the suppliers really delivered this item, over all its outer numbers."""
        bare = item["id"].partition("_")[2]
        return sum(self.world.delivered(supplier, bare) for supplier in ("kasushou", "fulu"))

    # -- looking inside ------------------------------------------------------------------------------------------------

    def rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        """Rows straight from the database, for what no door shows."""
        with psycopg.connect(self.database_url, row_factory=namedtuple_row, autocommit=True) as connection:
            return connection.execute(sql.encode(), values or None).fetchall()

    def counts(self, *, leaving_out: Sequence[str] = ()) -> dict[str, int]:
        """How many rows every table of ours has."""
        tables = [
            f"{row.schemaname}.{row.tablename}"
            for row in self.rows(
                "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog',"
                " 'information_schema', 'public') order by 1, 2"
            )
        ]
        counted = [table for table in tables if table not in leaving_out]
        union = " union all ".join(f"select '{t}' as name, count(*) as rows from {t}" for t in counted)  # noqa: S608
        return {row.name: row.rows for row in self.rows(union)}

    def until_told(self) -> None:
        """Wait until every fact is relayed and all that follows from it is done."""
        until(lambda: not self.rows(
            "select 1 from infra.unrelayed union all select 1 from procrastinate_jobs"
            " where queue_name = 'heyi' and status in ('todo', 'doing')"), waiting_for="what follows from facts",
        )  # fmt: skip

    def forward(self, by: timedelta) -> None:
        """Move the alliance's clock; every process follows within a second, and this waits until they have."""
        admin.set_clock_offset(self.database_url, admin.clock_offset(self.database_url) + by)
        time_of_change = time.monotonic()
        until(lambda: time.monotonic() - time_of_change > 1.3, within_s=5)  # there is no door that tells the time

    def audit(self) -> Any:
        """The trial balance; fails unless it is balanced and no deposit has drifted."""
        told = self.operator.get("/ledger/audit")
        assert told["balanced"], told
        return told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
