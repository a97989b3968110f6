"""Bringing a database of an earlier version to the present tables, in the transaction that opens it."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select, text, update

from fakeweb.errors import UsageError
from fakeweb.server.tables import METADATA, SCHEMA, VERSION

_TENANT = "tenant VARCHAR(64) DEFAULT 'default' NOT NULL"
_TO_2 = (
    f"ALTER TABLE results ADD COLUMN {_TENANT}",
    "ALTER TABLE results ADD COLUMN packed {bytes}",
    f"ALTER TABLE queue ADD COLUMN {_TENANT}",
    "CREATE INDEX queue_of_tenant ON queue (tenant, state, score)",
    f"ALTER TABLE jobs ADD COLUMN {_TENANT}",
    "ALTER TABLE jobs ADD COLUMN owner VARCHAR(64) DEFAULT '' NOT NULL",
    f"ALTER TABLE api_keys ADD COLUMN {_TENANT}",
    # keys that put posts into the queue before there was a scope for it go on doing so
    "UPDATE api_keys SET scopes = scopes || ',enqueue' "
    "WHERE ',' || scopes || ',' LIKE '%,predict,%' OR ',' || scopes || ',' LIKE '%,videos,%'",
)
_STEPS = {1: _TO_2}


def prepare(db: Connection) -> None:
    """Make the tables where there are none, and bring older ones up to date.

    Raises:
        UsageError: The tables are of a later version.
    """
    found = None
    if inspect(db).has_table(VERSION.name):
        found = db.execute(select(VERSION.c.version)).scalar()
    if found is not None and found > SCHEMA:
        raise UsageError(
            f"the database has tables of version {found}, this FakeWeb needs {SCHEMA}",
            hint="use the FakeWeb that made it, or another database",
        )
    for step in range(found or SCHEMA, SCHEMA):
        for statement in _STEPS[step]:
            db.execute(text(statement.format(bytes="BLOB" if db.dialect.name == "sqlite" else "BYTEA")))
    METADATA.create_all(db)
    if found is None:
        db.execute(VERSION.insert().values(version=SCHEMA))
    elif found < SCHEMA:
        db.execute(update(VERSION).values(version=SCHEMA))
