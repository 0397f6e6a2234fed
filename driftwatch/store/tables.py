"""The schema: one for SQLite and PostgreSQL; typed values in JSON columns, what is looked up in columns of its own."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA = MetaData()
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""Moments are stored as microseconds since 1970 in UTC: exact, sortable and the same on every database."""

_GROUPED = text('"group" IS NOT NULL')

texts = Table(
    "texts",
    METADATA,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("stream", String(100), nullable=False),
    Column("id", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("group", String(500)),
    Column("labels", Text),
    Column("quarantined", Text),
    Column("source", String(100)),
    Column("target", String(500)),
    Column("turns", Text),
    UniqueConstraint("stream", "id", name="texts_id"),
    Index("texts_order", "stream", "seq"),
    # Its condition on a PostgreSQL stands in the migration alone: named here it would load that dialect everywhere.
    Index("texts_group", "stream", "group", sqlite_where=_GROUPED),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("source", String(100), primary_key=True),
    Column("position", Text, nullable=False),
)

intake_counts = Table(
    "intake_counts",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("source", String(100), primary_key=True),
    Column("outcome", String(100), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

streams = Table(
    "streams",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("next_window", BigInteger, nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_text_at", BigInteger),
)

windows = Table(
    "windows",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("outcome", String(40), nullable=False),
    Column("assessed_at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("decided_at", BigInteger),
    Column("policy", String(100)),
    Column("facts", String(40)),
    Column("memory", String(40)),
    Index("windows_time", "assessed_at"),
)

policies = Table(
    "policies",
    METADATA,
    Column("hash", String(100), primary_key=True),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

facts = Table(
    "facts",
    METADATA,
    Column("key", String(40), primary_key=True),
    Column("text", Text, nullable=False),
)
"""What decisions rest on changes seldom: one row for all windows that it is the same for, by its own hash."""

monitor_states = Table(
    "monitor_states",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("detector", String(100), primary_key=True),
    Column("reference", String(100), nullable=False),
    Column("state", LargeBinary, nullable=False),
)

rule_states = Table(
    "rule_states",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("rule", String(200), primary_key=True),
    Column("state", Text, nullable=False),
)

decisions = Table(
    "decisions",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("stream", String(100), nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("rule", String(200), nullable=False),
    Column("action", String(20), nullable=False),
    Column("run", String(200)),
    Column("decision", Text, nullable=False),
    UniqueConstraint("stream", "window", "rule", name="decisions_once"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    METADATA,
    Column("id", String(200), primary_key=True),
    Column("stream", String(100), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("state", String(40), nullable=False),
    Column("round", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("candidate", String(200)),
    Column("cancel_requested", Boolean, nullable=False),
    Column("spec", Text, nullable=False),
    Column("progress", Text),
    Index("runs_stream", "stream", "created_at"),
    Index("runs_state", "state"),
)

transitions = Table(
    "transitions",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("run", String(200), nullable=False),
    Column("state", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("transitions_run", "run", "id"),
)

verdicts = Table(
    "verdicts",
    METADATA,
    Column("run", String(200), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("gate", String(100), primary_key=True),
    Column("verdict", Text, nullable=False),
)

champions = Table(
    "champions",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("stream", String(100), nullable=False),
    Column("version", String(200), nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", String(100), nullable=False),
    Column("run", String(200)),
    Column("at", BigInteger, nullable=False),
    Column("previous", String(200)),
    Column("reference", String(100)),
    Index("champions_stream", "stream", "id"),
    sqlite_autoincrement=True,
)

references = Table(
    "reference_versions",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("version", String(100), primary_key=True),
    Column("path", Text, nullable=False),
    Column("encoder", String(100), nullable=False),
    Column("tokenizer", String(100), nullable=False),
    Column("champion", String(100)),
    Column("texts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("in_force", Boolean, nullable=False),
)

marks = Table(
    "marks",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("false", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("who", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", String(100), nullable=False),
    Column("subject", String(400), nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_what", "what", "id"),
    Index("audit_subject", "subject", "id"),
    sqlite_autoincrement=True,
)

pauses = Table(
    "pauses",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("stream", String(100), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("who", String(200), nullable=False),
    Column("because", Text, nullable=False),
    Column("ended_at", BigInteger),
    Index("pauses_stream", "stream", "until"),
    sqlite_autoincrement=True,
)

feedback = Table(
    "feedback",
    METADATA,
    Column("stream", String(100), primary_key=True),
    Column("text", String(500), primary_key=True),
    Column("target", String(500)),
    Column("correct", Boolean),
    Column("rating", Float),
    Column("who", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("key", String(400), nullable=False),
    Column("receiver", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("alert", Text, nullable=False),
    Column("error", Text),
    UniqueConstraint("key", "receiver", name="outbox_once"),
    Index("outbox_due", "state", "due_at"),
    sqlite_autoincrement=True,
)

hosts = Table(
    "hosts",
    METADATA,
    Column("name", String(300), primary_key=True),
    Column("instance", String(100), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("agreement", Text, nullable=False),
)

agreed = Table(
    "agreed",
    METADATA,
    Column("what", String(40), primary_key=True),
    Column("agreement", Text, nullable=False),
    Column("who", String(300), nullable=False),
    Column("at", BigInteger, nullable=False),
)
