"""One embedded PostgreSQL for the whole session; a fresh database per test module, copied from a migrated template."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from heyi.app.embedded import Embedded
from heyi.app.migrate import migrate
from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.provision.fulfilment.suppliers import DIALECTS

MASTER_KEY = bytes(range(32))
START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _impatient() -> Iterator[None]:
    """What is not found is not found at once, except where an account or a published profile is more patient: the
    minute of every dialect would be waited for in each test that loses a purchase."""
    hasty = {code: replace(dialect, grace_ms=0) for code, dialect in DIALECTS.items()}
    with patch.dict(DIALECTS, hasty):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """A throw-away server; it dies with the test process."""
    with Embedded.temporary(f"heyi-test-{os.getpid()}-") as server:
        server.create_database("template_heyi")
        migrate(server.url("template_heyi"))
        yield server


@pytest.fixture(scope="module")
def database_url(postgres: Embedded) -> str:
    """The address of a fresh, migrated database for this test module."""
    name = f"t{next(_numbers)}"
    postgres.create_database(name, template="template_heyi")
    return postgres.url(name)


@pytest.fixture(scope="module")
async def tools(database_url: str) -> AsyncIterator[Tools]:
    """Tools over the module's database, with a clock that stands still until it is moved."""
    settings = Settings(database_url=database_url, master_key=MASTER_KEY, home=Path("/tmp"))
    database = Database(database_url, connections_max=20, name="tests")
    await database.open()
    async with Http() as http:
        yield Tools(database, FixedClock(START), Sealing(MASTER_KEY), http, settings)
    await database.close()
