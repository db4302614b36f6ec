"""The first schema."""

from heyi.app.migrate import run_sql

revision, down_revision = "0001", None


def upgrade() -> None:
    run_sql(__file__)
