"""The first schema."""

from pathlib import Path

from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    # The driver's own cursor, without values: percent signs and colons in the SQL mean themselves. (SQLAlchemy always
    # hands over an empty tuple of values, and then psycopg reads every percent sign as a placeholder.)
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor:
        cursor.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
