"""Bring a database to the current schema: Alembic over the plain SQL in migrations/, then procrastinate's own."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager

SOURCE = Path(__file__).resolve().parents[3] / "migrations"
PACKED = Path(__file__).resolve().parents[1] / "_migrations"  # where a released wheel carries them


def migrate(url: str) -> str:
    """Run every migration that has not run yet; answers the newest revision. Safe to call from many processes."""
    command.upgrade(_config(url), "head")
    _make_job_tables(url)
    return newest()


def newest() -> str:
    """The newest revision this program knows."""
    return ScriptDirectory.from_config(_config("")).get_current_head() or ""


def present(url: str) -> str | None:
    """The revision a database is at, or None for an empty one."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select to_regclass('public.migrations')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("select version_num from public.migrations").fetchone()
        return None if row is None else str(row[0])


def run_sql(migration: str) -> None:
    """Run the SQL file beside a migration's Python file (`__file__`).

    Through the driver's own cursor, without values: percent signs and colons in the SQL mean themselves. (SQLAlchemy
    always hands over an empty tuple of values, and then psycopg reads every percent sign as a placeholder.)
    """
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor:
        cursor.execute(Path(migration).with_suffix(".sql").read_text(encoding="utf-8"))


def _config(url: str) -> Config:
    folder = SOURCE if SOURCE.is_dir() else PACKED
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option(
        "sqlalchemy.url", url.replace("postgresql://", "postgresql+psycopg://", 1).replace("%", "%%")
    )
    return config


def _make_job_tables(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('heyi migrations'))")
        found = connection.execute("select to_regclass('public.procrastinate_jobs')").fetchone()
        if found is not None and found[0] is None:
            connection.execute(SchemaManager.get_schema().encode())
