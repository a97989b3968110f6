"""The tables, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA = 2
"""Version of the tables; an older database is brought to it (``migrate.py``), a newer one refused."""
DEFAULT_TENANT = "default"
"""Whose everything is where nobody said otherwise."""

METADATA = MetaData()

VERSION = Table("fakeweb_schema", METADATA, Column("version", Integer, primary_key=True))

RESULTS = Table(
    "results",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("cache_key", String(200), nullable=False, unique=True),
    Column("media_sha256", String(64), nullable=False, index=True),
    Column("report", Text, nullable=False, server_default=""),  # of version 1; empty where it is packed
    Column("created_s", Float, nullable=False),
    Column("used_s", Float, nullable=False, index=True),
    Column("tenant", String(64), nullable=False, server_default=DEFAULT_TENANT),
    Column("packed", LargeBinary),
)

QUEUE = Table(
    "queue",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("result_id", ForeignKey("results.id", ondelete="SET NULL"), index=True),
    Column("media_sha256", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reference", String(200)),
    Column("label", String(16), nullable=False),
    Column("p_fake", Float),
    Column("kind", String(32)),
    Column("views", BigInteger),
    Column("followers", BigInteger),
    Column("engagement_rate", Float),
    Column("audience", Float),
    Column("score", Float, nullable=False),
    Column("level", String(16)),
    Column("note", Text, nullable=False),
    Column("created_s", Float, nullable=False),
    Column("decided_s", Float),
    Column("decided_by", String(200)),
    Column("tenant", String(64), nullable=False, server_default=DEFAULT_TENANT),
    Index("queue_worst_first", "state", "score"),
    Index("queue_of_tenant", "tenant", "state", "score"),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("instance", String(32), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("stage", String(100), nullable=False),
    Column("progress", Float, nullable=False),
    Column("source", String(255), nullable=False),
    Column("options", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("media_sha256", String(64), nullable=False, index=True),
    Column("result_id", String(32)),
    Column("queue_id", String(32)),
    Column("report", Text),
    Column("overlay", String(100)),
    Column("problem", Text),
    Column("created_s", Float, nullable=False),
    Column("started_s", Float),
    Column("finished_s", Float, index=True),
    Column("tenant", String(64), nullable=False, server_default=DEFAULT_TENANT),
    Column("owner", String(64), nullable=False, server_default=""),  # who waits for it
)

KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("key_sha256", String(64), nullable=False, unique=True),
    Column("scopes", String(200), nullable=False),
    Column("per_minute", Integer, nullable=False),
    Column("created_s", Float, nullable=False),
    Column("revoked_s", Float),
    Column("tenant", String(64), nullable=False, server_default=DEFAULT_TENANT),
)

INSTANCES = Table(
    "instances",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("seen_s", Float, nullable=False),
)
"""Services that share the database, and when each last said that it is there."""

HARMFUL = Table(
    "harmful",
    METADATA,
    Column("mark", String(64), primary_key=True),
    Column("until_s", Float, nullable=False),
)
"""Files that have ended a process, by a hash of tenant and bytes."""
