"""What is done to the embedded server's data before it starts: checked, made, healed, given settings."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from pathlib import Path

from heyi.app.embedded_home import EmbeddedError, Home, version
from heyi.app.process import wait_until, working_in

ROLE = "heyi"
NO_SUCH_PID = 2**31 - 1
FREE_TO_INIT_BYTES = 400 * 2**20
FREE_TO_START_BYTES = 64 * 2**20
RESET_CURE = "put the old version back, or give up the data and start afresh: make demo RESET=1"

SETTINGS = """\
# Written by heyi at every start; your own settings go into local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
hba_file = '{home}/hba.conf'
cluster_name = 'heyi'
max_connections = 100
shared_buffers = 256MB
effective_cache_size = 1GB
maintenance_work_mem = 128MB
dynamic_shared_memory_type = {shared_memory}
wal_compression = pglz
max_wal_size = 2GB
min_wal_size = 256MB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
log_line_prefix = '%m [%p] %q%a '
{durability}
"""
LOCAL = "local.conf"
DURABLE = "fsync = on\nfull_page_writes = on\nsynchronous_commit = on"
THROW_AWAY = "fsync = off\nfull_page_writes = off\nsynchronous_commit = off"
HBA = "# The socket's folder is the door.\nlocal all all trust\nlocal replication all trust\n"


def check(home: Home) -> None:
    """Enough space, and data of a version that these programs can read."""
    needed = FREE_TO_START_BYTES if home.data.exists() else FREE_TO_INIT_BYTES
    free = shutil.disk_usage(home.path).free
    if free < needed:
        raise EmbeddedError(
            f"only {free >> 20} MB are free where the database lies ({home.path})",
            f"free {needed >> 20} MB there, or choose another folder",
        )
    made_by = home.data / "PG_VERSION"
    if made_by.exists() and (major := made_by.read_text().strip()) != version().split(".")[0]:
        raise EmbeddedError(
            f"the data in {home.path} are of PostgreSQL {major}; this heyi brings {version()}",
            RESET_CURE,
        )


def initialise(home: Home, *, throw_away: bool) -> None:
    """Into a folder beside, renamed when it is whole: a killed initdb leaves nothing that looks like data."""
    unborn = home.path / "data.new"
    shutil.rmtree(unborn, ignore_errors=True)
    home.make_server_folder(unborn)
    done = home.run(
        *("initdb", "--pgdata", str(unborn), f"--username={ROLE}", "--auth=trust"),
        *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--data-checksums", "--no-instructions", *(["--no-sync"] if throw_away else [])),
    )
    if done.returncode:
        shutil.rmtree(unborn, ignore_errors=True)
        raise explain(home, done.stderr.strip())
    unborn.rename(home.data)


def heal(home: Home) -> None:
    """After kill -9: wait for orphaned backends, and forget a number that now belongs to somebody else.

    The lock file itself stays: PostgreSQL reads in it which shared memory the orphans may still hold.
    """
    if not wait_until(lambda: not working_in(home.data, "postgres"), within_s=5):
        for pid in working_in(home.data, "postgres"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not working_in(home.data, "postgres"), within_s=5)
    if _listens(home.socket):
        raise EmbeddedError(
            f"another machine or container runs a server on {home.path}", "stop it there, or use another folder"
        )
    for left in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (home.socket / left).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(home.data / "postmaster.pid", os.O_RDWR | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "r+") as file:
            _, *rest = file.read().splitlines(keepends=True) or [""]
            file.seek(0)
            file.truncate()
            file.writelines([f"{NO_SUCH_PID}\n", *rest])


def write_settings(home: Home, *, throw_away: bool) -> None:
    """The whole configuration, anew at every start; the data folder's own postgresql.conf is not read."""
    place = home.socket
    home.make_server_folder(place)
    roomy = os.path.ismount("/dev/shm") and shutil.disk_usage("/dev/shm").total >= 256 * 2**20
    text = SETTINGS.format(
        home=str(home.path).replace("'", "''"),
        socket=place,
        shared_memory="posix" if roomy else "mmap",  # containers often have 64 MB there: too little to sort in
        durability=THROW_AWAY if throw_away else DURABLE,
    )
    if (home.path / LOCAL).exists():
        text += f"include '{LOCAL}'\n"
    home.write("postgres.conf", text)
    home.write("hba.conf", HBA)


def explain(home: Home, output: str) -> EmbeddedError:
    tail = "\n    ".join(output.splitlines()[-6:])
    cures = {
        "No space left on device": f"free some space where {home.path} lies, and start again",
        "Cannot allocate memory": "give this machine or container at least 1 GB of memory",
        "effective user": "run as a user that /etc/passwd knows",
        "invalid permissions": f"chmod 700 {home.data}",
    }
    cure = next((cure for sign, cure in cures.items() if sign in output), f"read {home.log}")
    return EmbeddedError(f"PostgreSQL did not start:\n    {tail}", cure)


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(place / ".s.PGSQL.5432"))
        return True
    return False
