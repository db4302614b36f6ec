"""Connector profiles: stored, versioned."""

from heyi.app.migrate import run_sql

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    run_sql(__file__)
