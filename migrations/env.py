"""Alembic's entry: `heyi.app.migrate` passes the database address in."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=NullPool)
with engine.connect() as connection:
    # Two processes that start at once must not migrate at once.
    connection.execute(text("select pg_advisory_lock(hashtext('heyi migrations'))"))
    connection.commit()
    context.configure(connection=connection, version_table="migrations", version_table_schema="public")
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    connection.execute(text("select pg_advisory_unlock(hashtext('heyi migrations'))"))
    connection.commit()
engine.dispose()
