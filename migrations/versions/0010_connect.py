"""Who may say where credentials are sent."""

from heyi.app.migrate import run_sql

revision, down_revision = "0010", "0009"


def upgrade() -> None:
    run_sql(__file__)
