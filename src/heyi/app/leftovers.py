"""What a run leaves on disk and in the process table, and how it is put away when the run was killed.

Every child carries a mark in its environment, which its own children inherit. `run.json` says who was started;
`run.lock` is held by the kernel for as long as the run lives, so it cannot go stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from heyi.app.process import PROC, Trouble, all_pids, started_at, wait_until

MARK = "HEYI_RUN"
LEADER_GRACE_S = 10.0
FAMILY_GRACE_S = 2.0
SWEEP_S_MAX = 40.0


class SuperviseError(Trouble):
    """A process could not be started; `cure` says what a person can do."""


def family(mark: str) -> list[int]:
    """All processes that carry this mark, or one that it begins."""
    exact, beginning = f"{MARK}={mark}".encode(), f"{MARK}={mark}:".encode()

    def belongs(pid: int) -> bool:
        with contextlib.suppress(OSError):
            entries = PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
            return any(entry == exact or entry.startswith(beginning) for entry in entries)
        return False

    return [pid for pid in all_pids() if pid != os.getpid() and belongs(pid)]


def end_family(mark: str, leaders: Sequence[int]) -> None:
    """Ask, then kill. Where /proc does not tell who carries the mark, the leaders' process groups must do."""

    def gone() -> bool:
        return not family(mark) and all(started_at(leader) is None for leader in leaders)

    for sign in (signal.SIGTERM, signal.SIGKILL):
        if gone():
            return
        for pid in family(mark):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sign)
        for leader in leaders:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(leader, sign)
        wait_until(gone, within_s=FAMILY_GRACE_S)


def read(folder: Path) -> dict[str, Any]:
    """The record of the last run that was not put away; empty when there is none."""
    with contextlib.suppress(OSError, ValueError):
        record = json.loads((folder / "run.json").read_text())
        if isinstance(record, dict):
            return record
    return {}


def sweep(record: dict[str, Any]) -> int:
    """Stop what a run that was killed has left; a number that now belongs to another process is not touched."""
    children = [(child["pid"], child["started"]) for child in record.get("children", {}).values()]
    leaders = [pid for pid, started in children if started is not None and started_at(pid) == started]
    left = set(leaders) | set(family(record["run"]) if record.get("run") else ())
    for pid in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: all(started_at(pid) is None for pid in leaders), within_s=LEADER_GRACE_S)
    if left:
        end_family(record["run"], [pid for pid in leaders if started_at(pid) is not None])
    return len(left)


def write(folder: Path, run: str, children: Mapping[str, int]) -> None:
    """Who runs here, in a file that is replaced whole."""
    record = {
        "run": run,
        "pid": os.getpid(),
        "started": started_at(os.getpid()),
        "children": {name: {"pid": pid, "started": started_at(pid)} for name, pid in children.items()},
    }
    new = folder / "run.json.new"
    new.write_text(json.dumps(record, indent=1))
    new.replace(folder / "run.json")


def forget(folder: Path) -> None:
    """This run has put everything away itself."""
    (folder / "run.json").unlink(missing_ok=True)


def running_pid(folder: Path) -> int | None:
    """The process that has taken this folder, if it is alive."""
    record = read(folder)
    pid = record.get("pid")
    return pid if isinstance(pid, int) and started_at(pid) == record.get("started") else None


def take(folder: Path) -> IO[bytes]:
    """The lock of this folder; a live run is an error, a sweep that is under way is waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "run.lock").open("ab")
    deadline = time.monotonic() + SWEEP_S_MAX
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            pid = running_pid(folder)
            if pid is not None or time.monotonic() > deadline:
                lock.close()
                who = f"process {pid}" if pid is not None else "another process"
                raise SuperviseError(
                    f"heyi is already running here: {who} uses {folder}",
                    f"stop it with Ctrl-C where it runs{f', or: kill {pid}' if pid is not None else ''}",
                ) from None
            time.sleep(0.1)


def sweep_after(folder: Path, run: str) -> None:
    """The guard's work; if the next run was faster, it has done it already."""
    with (folder / "run.lock").open("ab") as lock, contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        record = read(folder)
        if record.get("run") == run:
            sweep(record)


if __name__ == "__main__":  # the guard's way in: python -m heyi.app.leftovers FOLDER RUN
    sweep_after(Path(sys.argv[1]), sys.argv[2])
