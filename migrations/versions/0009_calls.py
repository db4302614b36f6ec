"""The call log, and callbacks once more."""

from heyi.app.migrate import run_sql

revision, down_revision = "0009", "0008"


def upgrade() -> None:
    run_sql(__file__)
