"""Commands that run heyi itself: up, web, worker, migrate, operator-key, version."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from heyi import __version__
from heyi.app import admin
from heyi.app.cli import home, stack
from heyi.app.cli.frame import Json, command, err, out, say_json


def register(app: typer.Typer) -> None:
    command(app, "up", "heyi up", "HEYI_PORT=8800 heyi up", "HEYI_DATABASE_URL=postgresql://… heyi up")(up)
    command(app, "web", "heyi web --port 8700 --processes 2")(web)
    command(app, "worker", "heyi worker")(worker)
    command(app, "migrate", "heyi migrate", "heyi migrate --check")(migrate)
    command(app, "operator-key", "heyi operator-key --label 'night shift'")(operator_key)
    command(app, "version", "heyi version --json")(version)


def up() -> None:
    """Start heyi here: database, migrations, web and worker; Ctrl-C stops them all. 启动

    Without HEYI_DATABASE_URL a PostgreSQL of its own is started, with its data in .heyi (HEYI_HOME). Without
    HEYI_MASTER_KEY the key that seals the vault is made once and kept in .heyi/master.key: keep a copy of it.
    """
    try:
        with stack.running(out.print) as started:
            home.write_secret(home.RUNNING, f'{{"url": "{started.url}", "pid": {os.getpid()}}}\n')
            out.print(f"\n[bold]heyi is up[/bold]   {started.url}")
            out.print(f"  API, to read    {started.url}/docs")
            out.print(f"  operator's key  {home.folder() / home.OPERATOR_KEY}")
            out.print(f"  logs            {home.folder()}/web.log, worker.log")
            out.print("  next            heyi doctor · heyi --help · Ctrl-C stops everything")
            started.wait()
    except KeyboardInterrupt:
        out.print("stopped")
    finally:
        home.remove(home.RUNNING)


def web(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; HEYI_PORT otherwise.")] = 0,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many web processes share the port.")] = 1,
) -> None:
    """Run only the web process: every HTTP door. 网页与接口进程"""
    listening = ["--host", host, "--port", str(port or home.port()), "--processes", str(processes)]
    _run("heyi.app.web", *listening)


def worker() -> None:
    """Run only a worker: supplier calls, due dates, webhooks; start as many as you like. 后台进程"""
    _run("heyi.app.worker")


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the database is current.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to this version's schema; nothing is done when it is there already. 数据库迁移"""
    from heyi.app.migrate import migrate as run_migrations  # slow to import
    from heyi.app.migrate import newest, present

    with home.database() as url:
        before = present(url)
        after = before if check else run_migrations(url)
    current = after == newest()
    if as_json:
        say_json({"before": before, "now": after, "newest": newest(), "current": current})
    elif current:
        out.print(
            f"the database is current: {after}" if before == after else f"migrated {before or 'nothing'} → {after}"
        )
    else:
        err.print(f"the database is at {before or 'nothing'}, this heyi needs {newest()}\n  cure: heyi migrate")
    if not current:
        raise typer.Exit(1)


def operator_key(
    label: Annotated[str, typer.Option(help="Whose key it is; at most two live ones bear one label.")] = "owner",
    as_json: Json = False,
) -> None:
    """Make an operator's key straight in the database: for the machine's owner who has none. Shown once. 运营密钥"""
    with home.database() as url:
        secret = admin.first_operator_key(url) or admin.another_operator_key(url, label)
    if as_json:
        say_json({"operator_key": secret})
    else:
        out.print(secret)


def version(as_json: Json = False) -> None:
    """heyi's version."""
    from heyi.app.migrate import newest  # slow to import

    if as_json:
        say_json({"heyi": __version__, "schema": newest(), "python": sys.version.split()[0]})
    else:
        out.print(f"heyi {__version__} (schema {newest()}, Python {sys.version.split()[0]})")


def _run(module: str, *arguments: str) -> None:
    """Become that process; with an embedded database, be its parent, because somebody must hold the database."""
    argv = [sys.executable, "-m", module, *arguments]
    with home.environment() as environment:
        if os.environ.get("HEYI_DATABASE_URL"):
            sys.stdout.flush()
            os.execve(sys.executable, argv, {**os.environ, **environment})
        child = subprocess.Popen(argv, env={**os.environ, **environment}, start_new_session=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: child.terminate())
        code = child.wait()
    raise typer.Exit(0 if code in (0, -signal.SIGTERM) else 1)
