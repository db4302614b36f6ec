"""Is this port free, and if not: who has it, and how is another one chosen? Standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path

from heyi.app.process import PROC, Trouble, all_pids, command_of

LISTENING = "0A"


class PortInUse(Trouble):
    """Somebody else listens there."""


def check_port(port: int, variable: str, host: str = "127.0.0.1") -> None:
    """Nothing if we could listen there; otherwise who does, and which variable chooses another port."""
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        pid = holder(port)
        who = f" by process {pid} ({command_of(pid)[:80]})" if pid else ""
        why = f"port {port} is in use{who}" if error.errno == errno.EADDRINUSE else f"port {port} is for root only"
        choose = f"choose another port: {variable}={_free_port_after(port, host)}"
        raise PortInUse(why, f"stop it (kill {pid}), or {choose}" if pid else choose) from None


def holder(port: int) -> int | None:
    """The process that listens on this port, where /proc tells and we may look."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in all_pids() if wanted else ():
        with contextlib.suppress(OSError):
            for descriptor in PROC.joinpath(str(pid), "fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor) in wanted:
                        return pid
    return None


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    found.add(rest[5])
    return found


def _bind(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen()


def _free_port_after(port: int, host: str) -> int:
    for other in range(max(port + 1, 1024), 65536):
        with contextlib.suppress(OSError):
            _bind(host, other)
            return other
    return 0
