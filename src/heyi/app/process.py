"""What `embedded` and `supervise` both need to know about processes. Standard library only.

A process is known by its number *and* its start time, because numbers are used again: after a reboot, or in a
container, the number in an old lock file usually belongs to somebody else.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

PROC = Path("/proc")
TICK_S = 0.02
LOG_BYTES_KEPT = 8 * 2**20


class Trouble(Exception):
    """Something a person has to put right: what happened, and the cure in one sentence."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(f"{what}\n  cure: {cure}")
        self.what, self.cure = what, cure


def wait_until(question: Callable[[], bool], within_s: float) -> bool:
    """Ask until the answer is yes or the time is over; the last answer is returned."""
    deadline = time.monotonic() + within_s
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(TICK_S)
    return answer


def started_at(pid: int) -> str | None:
    """When this process started, as text that only has to be compared; None when it is gone or a zombie."""
    if PROC.joinpath("self").exists():
        try:
            state, *fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if state in "ZX" else fields[18]
    seen = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return seen.stdout.strip() or None


def all_pids() -> Iterator[int]:
    """Every process on this machine, where /proc tells; nothing elsewhere."""
    if PROC.is_dir():
        yield from (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def working_in(folder: Path, program: str) -> list[int]:
    """Processes of this program whose current folder is this one, also when their parent was killed."""

    def works(pid: int) -> bool:
        with contextlib.suppress(OSError):
            runs = os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")
            return Path(runs).name == program and PROC.joinpath(str(pid), "cwd").samefile(folder)
        return False

    return [pid for pid in all_pids() if works(pid)]


def command_of(pid: int) -> str:
    """The command line, for people to recognise."""
    try:
        return PROC.joinpath(str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def open_log(path: Path) -> IO[bytes]:
    """To be appended to; a long one is put aside first, and one such is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_KEPT:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


class Guard:
    """Runs a command if this process dies without saying goodbye, even by SIGKILL.

    A sleeping shell holds the reading end of a pipe whose only writing end is ours. The kernel closes ours
    however we die; the shell then runs the command. It has its own session, so Ctrl-C does not reach it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        script = 'read -r word; [ "$word" = goodbye ] || exec "$@"'
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", script, "heyi-guard", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def dismiss(self) -> None:
        """All is put away; the guard has nothing to do."""
        if self._shell.stdin is not None and not self._shell.stdin.closed:
            try:
                os.write(self._shell.stdin.fileno(), b"goodbye\n")
                self._shell.stdin.close()
            except BrokenPipeError:
                pass
            self._shell.wait()
