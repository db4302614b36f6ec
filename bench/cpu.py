"""Processor time of processes and of everything they started, from /proc (so: Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def family_s(root: int) -> float:
    """Seconds of user and system time that this process and its descendants have used, ended children included."""
    times: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it ended while we looked
                continue
            fields = stat.rpartition(")")[2].split()
            times[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15])
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    total, edge = 0, [root]
    while edge:
        here = edge.pop()
        total += times.get(here, 0)
        edge += children.get(here, [])
    return total * _TICK_S


def parent_of(pid: int) -> int:
    """Who started a process: a PostgreSQL session's parent is its server."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Meter:
    """Seconds used since it was made, by name of process."""

    def __init__(self, roots: dict[str, int]) -> None:
        self._roots = roots
        self._first = {name: family_s(pid) for name, pid in roots.items()}

    def used_s(self) -> dict[str, float]:
        return {name: family_s(pid) - self._first[name] for name, pid in self._roots.items()}
