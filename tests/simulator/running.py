"""Runs the simulator as a process of its own, for any test that needs the outside world."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_WITHIN_S = 15
READY = "simulator ready "


class RunningSimulator:
    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "simulator.log").open("ab")
        command = [sys.executable, "-m", "simulator", "--port", str(port), "--store", str(folder / "simulator.sqlite")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith(READY):
            self.stop()
            raise RuntimeError(f"the simulator did not start: see {folder / 'simulator.log'}")
        self.url = line.removeprefix(READY).strip()

    def stop(self) -> int:
        """Ask it to end and wait; answers the exit code. A second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return self.process.returncode


@contextmanager
def start_simulator(folder: Path, port: int = 0) -> Iterator[RunningSimulator]:
    """`with start_simulator(tmp_path) as world: world.url`. The same folder again is the same world, continued."""
    running = RunningSimulator(folder, port)
    try:
        yield running
    finally:
        running.stop()
