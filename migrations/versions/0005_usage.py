"""What partners report, and where they and we differ."""

from heyi.app.migrate import run_sql

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    run_sql(__file__)
