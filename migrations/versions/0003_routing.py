"""Routing: several offers, limits, breakers, what was measured."""

from heyi.app.migrate import run_sql

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    run_sql(__file__)
