"""What suppliers offer, as they say it, and the changes to accept."""

from heyi.app.migrate import run_sql

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    run_sql(__file__)
