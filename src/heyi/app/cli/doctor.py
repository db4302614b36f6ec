"""`heyi doctor`: looks at everything that heyi needs, names what is wrong, and says the cure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psycopg
import typer
from rich.markup import escape

from heyi.app import admin
from heyi.app.cli import home
from heyi.app.cli.client import ApiRefused, Client
from heyi.app.cli.frame import Json, command, money, out, say_json
from heyi.app.cli.suppliers import UNTOLD
from heyi.app.embedded import Embedded
from heyi.app.process import Trouble

POSTGRES_MIN = 150000
DRIFT_MAX = timedelta(seconds=2)
BACKLOG_AGE_MAX = timedelta(seconds=30)
FREE_BYTES_MIN = 512 * 2**20


@dataclass(frozen=True)
class Finding:
    """What was looked at. `ok` None: it could not be looked at from here, which is no fault."""

    check: str
    ok: bool | None
    what: str
    cure: str = ""


def register(app: typer.Typer) -> None:
    command(app, "doctor", "heyi doctor", "heyi doctor --json")(doctor)


def doctor(as_json: Json = False) -> None:
    """Check the database, migrations, clock, keys, disk, processes, suppliers and books. 体检

    All is well: exit code 0. Something is broken: it is named with its cure, and the exit code is 1.
    """
    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            _print(finding)
    broken = [finding for finding in found if finding.ok is False]
    if as_json:
        say_json({"ok": not broken, "findings": [asdict(finding) for finding in found]})
    elif broken:
        out.print(f"[red]{len(broken)} thing{'s' * (len(broken) > 1)} to mend[/red]")
    else:
        out.print("[green]all is well[/green]")
    if broken:
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Every check, cheapest first; a check that breaks is a finding, never a crash."""
    yield from _looked("settings", _settings)
    yield from _looked("disk", _disk)
    url = _database_url()
    if url is None:
        yield Finding("database", False, f"there is no database running in {home.folder()}", "start it: heyi up")
    else:
        yield from _database(url)
    web = _looked("web", _web)
    yield from web
    if web[0].ok is False:
        return  # everything further is asked through it
    try:
        api = Client.operator()
    except Trouble as trouble:
        yield Finding("operator key", False, trouble.what, trouble.cure)
        return
    with api:
        yield from _looked("operator key", lambda: _operator_key(api))
        yield from _looked("suppliers", lambda: _suppliers(api))
        yield from _looked("tasks", lambda: _tasks(api))
        yield from _looked("books", lambda: _books(api))


def _looked(check: str, look: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    try:
        found = look()
    except Trouble as trouble:
        return [Finding(check, False, trouble.what, trouble.cure)]
    except ApiRefused as refused:
        return [Finding(check, False, str(refused), refused.cure or "")]
    except (psycopg.Error, OSError, ValueError) as error:
        return [Finding(check, False, f"{type(error).__name__}: {error}".splitlines()[0])]
    return found if isinstance(found, list) else [found]


# -- this machine -----------------------------------------------------------------------------------------------------


def _settings() -> Finding:
    named = ("HEYI_DATABASE_URL", "HEYI_MASTER_KEY", "HEYI_OPERATOR_KEY", "HEYI_URL", "HEYI_ZONE", "HEYI_PORT")
    given = [name for name in named if os.environ.get(name)]
    return Finding("settings", True, f"home {home.folder()}; set: {', '.join(given) or 'nothing, all by default'}")


def _disk() -> Finding:
    place = next(path for path in (home.folder(), *home.folder().parents) if path.exists())
    if (place / "postgres").exists():
        place = (place / "postgres").resolve()
    free = shutil.disk_usage(place).free
    what = f"{free / 2**30:.1f} GB free at {place}"
    return Finding("disk", free >= FREE_BYTES_MIN, what, "" if free >= FREE_BYTES_MIN else "free some space there")


def _database_url() -> str | None:
    if url := os.environ.get("HEYI_DATABASE_URL"):
        return url
    postgres = Embedded(home.folder())
    return postgres.url() if postgres.running() else None


def _database(url: str) -> Iterator[Finding]:
    try:
        version, drift = admin.server(url)
    except psycopg.Error as error:
        yield Finding("database", False, str(error).splitlines()[0], "start it, or mend HEYI_DATABASE_URL")
        return
    known = version >= POSTGRES_MIN
    shown = f"PostgreSQL {version // 10000}.{version % 10000}"
    yield Finding("database", known, f"{shown} answers", "" if known else "heyi needs PostgreSQL 15 or newer")
    from heyi.app.migrate import newest, present  # slow to import

    at = present(url)
    current = at == newest()
    yield Finding("migrations", current, f"at {at or 'nothing'}", "" if current else f"heyi migrate (to {newest()})")
    if not current:
        return
    yield from _looked("clock", lambda: _clock(url, drift))
    yield from _looked("master key", lambda: _master_key(url))
    yield from _looked("worker", lambda: _processes(url))
    yield from _looked("relay", lambda: _relay(url))


def _clock(url: str, drift: timedelta) -> Finding:
    offset = admin.clock_offset(url)
    what = f"{abs(drift).total_seconds() * 1000:.0f} ms from the database's"
    if offset:
        what += f"; the alliance's time is {offset} ahead"
    well = abs(drift) <= DRIFT_MAX
    return Finding("clock", well, what, "" if well else "set this machine's clock (NTP)")


def _master_key(url: str) -> Finding:
    key = os.environ.get("HEYI_MASTER_KEY") or home.read_secret("master.key")
    if key is None:
        return Finding("master key", None, "neither HEYI_MASTER_KEY nor .heyi/master.key is here")
    fits = admin.master_key_fits(url, bytes.fromhex(key))
    what = "opens what was sealed" if fits else "does not open what was sealed with another key"
    return Finding("master key", fits, what, "" if fits else "set the HEYI_MASTER_KEY that this database began with")


def _processes(url: str) -> Finding:
    running = admin.processes(url)
    workers = sum(count for name, count in running.items() if name.startswith("worker"))
    what = f"{workers} connections of workers" if workers else "no worker is connected"
    return Finding("worker", workers > 0, what, "" if workers else "start one: heyi worker (heyi up does)")


def _relay(url: str) -> Finding:
    waiting, age = admin.backlog(url)
    well = age <= BACKLOG_AGE_MAX
    what = f"{waiting} transactions to hand on, the oldest {max(age.total_seconds(), 0):.1f} s old"
    return Finding("relay", well, what, "" if well else "is a worker running? read .heyi/worker.log")


# -- through the API --------------------------------------------------------------------------------------------------


def _web() -> Finding:
    with Client(home.url(), "") as anybody:
        anybody.get("/healthz")
    return Finding("web", True, f"answers at {home.url()}")


def _operator_key(api: Client) -> Finding:
    api.get("/channels", limit=1)
    return Finding("operator key", True, "opens the operator API")


def _suppliers(api: Client) -> list[Finding]:
    found = [_supplier(api, one) for one in api.every("/suppliers")]
    return found or [Finding("suppliers", None, "none yet")]


def _supplier(api: Client, one: Any) -> Finding:
    name = f"supplier {one['code']}"
    if one["state"] != "active":
        return Finding(name, None, f"is {one['state']}")
    if one["unusable"]:
        return Finding(name, False, f"cannot be used: {one['unusable']}", "heyi profile show, heyi supplier edit")
    answer = api.post(f"/suppliers/{one['id']}/check")
    if not answer["ok"] and answer["problem"] == UNTOLD:
        return Finding(name, None, UNTOLD)
    if not answer["ok"]:
        return Finding(name, False, f"does not answer: {answer['problem']}", "check its address and credentials")
    return Finding(name, True, f"balance {money(answer['balance'])} ({answer['duration_ms']} ms)")


def _tasks(api: Client) -> Finding:
    stuck = len(api.get("/tasks", state="waiting_for_person", limit=200)["data"])
    return Finding("tasks", True, f"{stuck} wait for a person" + (": heyi task list --stuck" if stuck else ""))


def _books(api: Client) -> Finding:
    audit = api.get("/ledger/audit")
    what = "balance to zero" if audit["balanced"] else f"do not balance; drifted: {', '.join(audit['drifted'])}"
    return Finding("books", audit["balanced"], what, "" if audit["balanced"] else "keep everything, and report it")


def _print(finding: Finding) -> None:
    mark = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "[dim]·[/dim]"}[finding.ok]
    out.print(f"{mark} {finding.check:<18} {escape(finding.what)}")
    if finding.ok is False and finding.cure:
        out.print(f"  {'':<18} [green]cure:[/green] {escape(finding.cure)}")
