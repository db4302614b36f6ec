"""heyi on one machine: database, web, worker (and the simulator), started together and stopped together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from heyi.app import admin
from heyi.app.cli import home
from heyi.app.process import Trouble
from heyi.app.supervise import Child, Supervisor, check_port

SIMULATOR_PORT = 8790
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Stack:
    """What runs, and how it is reached."""

    url: str
    operator_key: str | None = field(repr=False)
    database_url: str
    simulator_url: str | None
    supervisor: Supervisor

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM."""
        self.supervisor.wait()


@contextmanager
def running(
    say: Callable[[str], None], *, simulator: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start everything and stop it afterwards, whatever happens. `settings` go into every process's environment.

    The database is entered first, so that it stops last: web and worker finish what they have begun.
    """
    from heyi.app.migrate import migrate  # Alembic takes most of a second to import; other commands do not need it

    folder, port = home.folder(), home.port()
    simulator_port = home.number("HEYI_SIMULATOR_PORT", SIMULATOR_PORT)
    url = f"http://{HOST}:{port}"
    with home.environment() as environment, Supervisor(folder, say=say) as supervisor:
        check_port(port, "HEYI_PORT")
        if simulator:
            check_port(simulator_port, "HEYI_SIMULATOR_PORT")
        say(f"database   PostgreSQL, {_place(environment['HEYI_DATABASE_URL'])}")
        say(f"migrations at {migrate(environment['HEYI_DATABASE_URL'])}")
        if not admin.master_key_fits(environment["HEYI_DATABASE_URL"], bytes.fromhex(environment["HEYI_MASTER_KEY"])):
            raise Trouble(
                "this master key does not open what is sealed in this database",
                f"set the HEYI_MASTER_KEY that it began with, or put {folder}/master.key back",
            )
        key = _operator_key(environment["HEYI_DATABASE_URL"])
        # The children run the alliance of this folder; where the caller stands must not matter to them.
        environment |= {"HEYI_PUBLIC_URL": os.environ.get("HEYI_PUBLIC_URL", url), **(settings or {})}
        children = [_web(folder, port, url, environment), _worker(folder, environment)]
        if simulator:
            children.insert(0, _simulator(folder, simulator_port))
        supervisor.start(*children)
        yield Stack(
            url, key, environment["HEYI_DATABASE_URL"],
            f"http://{HOST}:{simulator_port}" if simulator else None, supervisor,
        )  # fmt: skip


def _web(folder: Path, port: int, url: str, environment: Mapping[str, str]) -> Child:
    argv = [sys.executable, "-m", "heyi.app.web", "--host", HOST, "--port", str(port)]
    return Child("web", argv, folder / "web.log", environment, ready=f"{url}/healthz", grace_s=15.0)


def _worker(folder: Path, environment: Mapping[str, str]) -> Child:
    return Child("worker", [sys.executable, "-m", "heyi.app.worker"], folder / "worker.log", environment, grace_s=20.0)


def _simulator(folder: Path, port: int) -> Child:
    argv = [sys.executable, "-m", "simulator", "--port", str(port), "--store", str(folder / "simulator.sqlite")]
    return Child("simulator", argv, folder / "simulator.log", ready=f"http://{HOST}:{port}/control/health")


def _place(url: str) -> str:
    return "your own (HEYI_DATABASE_URL)" if os.environ.get("HEYI_DATABASE_URL") == url else f"in {home.folder()}"


def _operator_key(url: str) -> str | None:
    """The key kept in .heyi: made on the first start. Lost with an embedded database, another one takes its place."""
    if made := admin.first_operator_key(url):
        home.write_secret(home.OPERATOR_KEY, made + "\n")
        return made
    kept = os.environ.get("HEYI_OPERATOR_KEY") or home.read_secret(home.OPERATOR_KEY)
    if kept is None and not os.environ.get("HEYI_DATABASE_URL"):
        kept = admin.another_operator_key(url, "kept in .heyi")
        home.write_secret(home.OPERATOR_KEY, kept + "\n")
    return kept
