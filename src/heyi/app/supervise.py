"""Starts the processes of `heyi up` and `heyi demo`, keeps them alive, and leaves nothing behind.

    with Supervisor(folder, say=print) as run:
        check_port(8000, "HEYI_PORT")
        run.start(Child("web", [python, "-m", "heyi", "web"], log=folder / "web.log", ready="http://127.0.0.1:8000/"))
        run.wait()

One run per folder. If the supervisor itself is killed, its guard sweeps up; if that is killed too, the next run does
(see `leftovers`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from heyi.app import leftovers
from heyi.app.leftovers import MARK, SuperviseError, end_family, running_pid
from heyi.app.ports import check_port
from heyi.app.process import Guard, open_log, wait_until

__all__ = ["Child", "SuperviseError", "Supervisor", "check_port", "running_pid"]

GAP_S_MIN, GAP_S_MAX = 0.5, 30.0
HEALTHY_AFTER_S = 60.0


@dataclass(frozen=True)
class Child:
    """A program to keep running. Ready is an address that answers, a question, or nothing to wait for."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str | Callable[[], bool] | None = None
    ready_within_s: float = 60.0
    grace_s: float = 10.0


@dataclass
class _Life:
    child: Child
    process: subprocess.Popen[bytes]
    born: float
    log_from: int
    was_ready: bool = False
    gap_s: float = GAP_S_MIN
    again_at: float | None = None


class Supervisor:
    """A context: entering takes the folder, leaving it by whatever way stops all that was started."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = print) -> None:
        self._folder = folder
        self._say = say
        self._run = uuid.uuid4().hex
        self._lives: dict[str, _Life] = {}
        self._mutex = threading.RLock()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._handlers: dict[int, Any] = {}
        self._lock: IO[bytes] | None = None
        self._guard: Guard | None = None
        self._nurse = threading.Thread(target=self._revive_for_ever, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._lock = leftovers.take(self._folder)
        if count := leftovers.sweep(leftovers.read(self._folder)):
            self._say(f"stopped {count} process{'es' * (count > 1)} that a killed run had left")
        self._write()
        self._guard = Guard([sys.executable, "-m", leftovers.__name__, str(self._folder.absolute()), self._run])
        self._handle({signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _leave, signal.SIGHUP: _leave})
        self._nurse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._handle(dict.fromkeys(list(self._handlers), lambda *_: self._hurry.set()), remember=False)
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, *children: Child) -> None:
        """Start them all, then wait for each in turn; one that ends or stays silent is an error with its last words."""
        for child in children:
            with self._mutex:
                self._lives[child.name] = _spawn(child, self._run)
                self._write()
        for child in children:
            self._await_ready(self._lives[child.name])

    def wait(self) -> None:
        """Until somebody presses Ctrl-C or sends SIGTERM."""
        self._stopping.wait()

    def pid(self, name: str) -> int:
        """The number of a child; a new one after every restart."""
        return self._lives[name].process.pid

    def stop(self) -> None:
        """Stop all children and all that they started: ask the children, then the families, then kill."""
        if self._lock is None:
            return
        self._stopping.set()
        with self._mutex:
            living = [life.process for life in self._lives.values() if life.process.poll() is None]
            grace_s = max((life.child.grace_s for life in self._lives.values()), default=0.0)
            for process in living:
                process.terminate()
            wait_until(lambda: self._hurry.is_set() or all(p.poll() is not None for p in living), within_s=grace_s)
            end_family(self._run, [process.pid for process in living if process.poll() is None])
            for process in living:
                process.wait()
            self._lives.clear()
            leftovers.forget(self._folder)
        if self._guard is not None:
            self._guard.dismiss()
        self._lock.close()
        self._lock = None

    def _await_ready(self, life: _Life) -> None:
        child = life.child
        deadline, next_word = life.born + child.ready_within_s, life.born + 5.0
        while not _is_ready(child.ready):
            now = time.monotonic()
            if life.process.poll() is not None:
                raise SuperviseError(f"{child.name} ended at once:\n{_last_words(life)}", f"read {child.log}")
            if now > deadline:
                what = f"{child.name} was not ready after {child.ready_within_s:.0f} s:\n{_last_words(life)}"
                raise SuperviseError(what, f"read {child.log}")
            if now > next_word:
                self._say(f"{child.name:<10} still starting; its log: {child.log}")
                next_word += 10.0
            time.sleep(0.05)
        life.was_ready = True
        self._say(f"{child.name:<10} ready after {time.monotonic() - life.born:.1f} s")

    def _revive_for_ever(self) -> None:
        while not self._stopping.wait(0.1):
            with self._mutex:
                for life in list(self._lives.values()):
                    if life.was_ready and life.process.poll() is not None and not self._stopping.is_set():
                        self._revive(life)

    def _revive(self, life: _Life) -> None:
        """After a gap that doubles with every crash and is short again after a minute of health."""
        now, child = time.monotonic(), life.child
        if life.again_at is None:
            if now - life.born > HEALTHY_AFTER_S:
                life.gap_s = GAP_S_MIN
            life.again_at = now + life.gap_s
            code = life.process.returncode
            how = f"exit {code}" if code >= 0 else f"signal {-code}"
            self._say(f"{child.name:<10} stopped ({how}); again in {life.gap_s:g} s; its log: {child.log}")
        elif now >= life.again_at:
            end_family(f"{self._run}:{child.name}", [])
            new = _spawn(child, self._run)
            new.gap_s, new.was_ready = min(life.gap_s * 2, GAP_S_MAX), True
            self._lives[child.name] = new
            self._write()

    def _handle(self, handlers: Mapping[int, Any], *, remember: bool = True) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                before = signal.signal(number, handler)
                if remember:
                    self._handlers[number] = before

    def _write(self) -> None:
        leftovers.write(self._folder, self._run, {name: life.process.pid for name, life in self._lives.items()})


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _spawn(child: Child, run: str) -> _Life:
    with open_log(child.log) as log:
        log_from = log.tell()
        try:
            process = subprocess.Popen(
                list(child.argv),
                env={"PYTHONUNBUFFERED": "1", **os.environ, **child.env, MARK: f"{run}:{child.name}"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise SuperviseError(
                f"cannot start {child.name}: {error}", "install heyi again: make clean demo"
            ) from error
        return _Life(child, process, time.monotonic(), log_from)


def _is_ready(ready: str | Callable[[], bool] | None) -> bool:
    if ready is None or callable(ready):
        return ready is None or ready()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(ready, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _last_words(life: _Life) -> str:
    with life.child.log.open("rb") as log:
        log.seek(life.log_from)
        lines = log.read()[-4000:].decode(errors="replace").strip().splitlines()
    return "\n".join(f"    {line}" for line in lines[-8:]) or "    (it said nothing)"
