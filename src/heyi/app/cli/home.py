"""Where this heyi is: its folder, database, master key, address and keys; from HEYI_… or from what .heyi keeps."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from heyi.app.embedded import Embedded
from heyi.app.process import Trouble

PORT = 8700
OPERATOR_KEY = "operator.key"
DEMO = "demo.json"
RUNNING = "up.json"  # where `heyi up` answers, while it runs


def folder() -> Path:
    """HEYI_HOME, or .heyi where you are."""
    return Path(os.environ.get("HEYI_HOME", ".heyi")).absolute()


def port() -> int:
    """HEYI_PORT, or 8700."""
    return number("HEYI_PORT", PORT)


def number(variable: str, otherwise: int) -> int:
    """A setting that is a port number."""
    text = os.environ.get(variable, "")
    if not text:
        return otherwise
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Trouble(f"{variable}={text} is not a port", f"set {variable} to a number from 1 to 65535")
    return int(text)


def read_json(name: str) -> dict[str, Any]:
    """A file of the folder, or nothing."""
    with suppress(OSError, ValueError):
        found = json.loads((folder() / name).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def write_secret(name: str, text: str) -> Path:
    """A file of the folder that only its owner can read, replaced whole."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    new.replace(path)
    return path


def remove(name: str) -> None:
    (folder() / name).unlink(missing_ok=True)


def read_secret(name: str) -> str | None:
    with suppress(OSError):
        return (folder() / name).read_text(encoding="utf-8").strip() or None
    return None


def url() -> str:
    """HEYI_URL, else where the demo or `heyi up` of this folder answers, else the usual port on this machine."""
    found = os.environ.get("HEYI_URL") or read_json(DEMO).get("url") or read_json(RUNNING).get("url")
    return str(found) if found else f"http://127.0.0.1:{port()}"


def operator_key() -> str:
    """HEYI_OPERATOR_KEY, else the one kept when this folder's heyi was first started."""
    found = os.environ.get("HEYI_OPERATOR_KEY") or read_json(DEMO).get("operator_key") or read_secret(OPERATOR_KEY)
    if not found:
        raise Trouble(
            "no operator's key is known here",
            f"set HEYI_OPERATOR_KEY, or run this where {folder().name} of a running heyi is (HEYI_HOME)",
        )
    return str(found)


def channel_key() -> str:
    """HEYI_CHANNEL_KEY, else the demo's."""
    found = os.environ.get("HEYI_CHANNEL_KEY") or read_json(DEMO).get("channel_key")
    if not found:
        raise Trouble("no channel's key is known here", "set HEYI_CHANNEL_KEY; make one with: heyi channel key CHANNEL")
    return str(found)


def master_key() -> str:
    """HEYI_MASTER_KEY, else .heyi/master.key, made (0600) when neither is there and the folder has no data yet."""
    if key := os.environ.get("HEYI_MASTER_KEY"):
        return key
    if kept := read_secret("master.key"):
        return kept
    if os.environ.get("HEYI_DATABASE_URL") is None and (folder() / "postgres").exists():
        raise Trouble(
            f"{folder()}/master.key is gone, and the vault cannot be read without it",
            "put it back, or set HEYI_MASTER_KEY; to give up the data: make demo RESET=1",
        )
    key = secrets.token_hex(32)
    write_secret("master.key", key + "\n")
    return key


@contextmanager
def database() -> Iterator[str]:
    """The database's address for as long as the block runs: HEYI_DATABASE_URL, else the embedded one, started."""
    if url := os.environ.get("HEYI_DATABASE_URL"):
        yield url
        return
    with Embedded(folder()) as postgres:
        yield postgres.url()


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """What a heyi process needs to know: HEYI_DATABASE_URL, HEYI_MASTER_KEY, HEYI_HOME."""
    key = master_key()
    with database() as address:
        yield {"HEYI_DATABASE_URL": address, "HEYI_MASTER_KEY": key, "HEYI_HOME": str(folder())}
