"""Delivery flows in full."""

from heyi.app.migrate import run_sql

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    run_sql(__file__)
