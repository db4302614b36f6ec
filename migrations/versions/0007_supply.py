"""heyi as a supplier of others."""

from heyi.app.migrate import run_sql

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    run_sql(__file__)
