"""Supplier money and warnings."""

from heyi.app.migrate import run_sql

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    run_sql(__file__)
