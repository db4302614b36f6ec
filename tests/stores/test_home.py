"""Every named query runs under a role that is granted just its own context's schema: strangers in SQL too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from heyi.infra.db import queries

SRC = Path(__file__).resolve().parents[2] / "src" / "heyi"
FILES = sorted(SRC.glob("*/*/queries*.sql"))
EXPLAINABLE = ("select", "insert", "update", "delete", "with", "merge", "values")


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_every_query_keeps_to_its_schema(connection: psycopg.Connection[tuple[object, ...]], file: Path) -> None:
    """Explaining a query checks its syntax, its columns and its permissions, and runs nothing."""
    schema = file.parent.name
    role = f"only_{schema}"
    connection.execute(f"drop role if exists {role}".encode())
    connection.execute(f"create role {role}".encode())
    connection.execute(f"grant usage on schema {schema} to {role}".encode())
    connection.execute(f"grant all on all tables in schema {schema} to {role}".encode())
    connection.execute(f"grant all on all sequences in schema {schema} to {role}".encode())
    try:
        connection.execute(f"set role {role}".encode())
        for name, sql in queries(str(file), file.name).items():
            code = re.sub(r"--[^\n]*", "", sql).strip()
            if code.lower().startswith(EXPLAINABLE):
                connection.execute(f"explain (generic_plan) {numbered(code)}".encode())
            assert code, f"{name} is empty"
    finally:
        connection.execute(b"reset role")
        connection.execute(f"drop owned by {role}".encode())
        connection.execute(f"drop role {role}".encode())


def numbered(sql: str) -> str:
    """psycopg's %(name)s places as PostgreSQL's $n, each name with one number."""
    names: dict[str, int] = {}
    return re.sub(r"%\((\w+)\)s", lambda m: f"${names.setdefault(m[1], len(names) + 1)}", sql).replace("%%", "%")
