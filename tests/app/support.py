"""What the tests of the composition root share: small programs to supervise, and waiting for a condition."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from heyi.app.process import started_at, wait_until

DEADLINE_S = 30.0


def eventually(question: Callable[[], bool], what: str) -> None:
    """Ask until the answer is yes; a test never sleeps for a fixed time."""
    assert wait_until(question, within_s=DEADLINE_S), f"not within {DEADLINE_S:.0f} s: {what}"


def gone(pid: int) -> bool:
    return started_at(pid) is None


def number_in(file: Path) -> int:
    """A process number that a program writes into a file, as soon as it is there."""
    eventually(lambda: file.exists() and file.read_text().strip().isdigit(), f"a number in {file}")
    return int(file.read_text())


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str], word: str) -> str:
    """Its next line, which has to begin with this word."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith(word), line + process.stdout.read()
    return line.removeprefix(word).strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
