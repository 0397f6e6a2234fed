from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.alert import Alert
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult
from driftwatch.store import open_store
from driftwatch.store.step import Step

AT = datetime(2026, 3, 1, tzinfo=UTC)
CONFIG = '[alerts.webhook]\nurl = "http://127.0.0.1:1/"\n[streams.docs]\n'

UNSCORED = WindowResult(
    stream="docs",
    index=0,
    first_seq=1,
    last_seq=100,
    texts=100,
    distinct=100,
    first_seen_at=AT,
    last_seen_at=AT,
    reference="r1",
    champion=None,
    outcome=Outcome.ASSESSED,
    measures=(Measure(name="drift.alarm", value=1.0),),
    words=(),
    state=DriftState.BENIGN_DRIFT,
)


class Still:
    def now(self) -> datetime:
        return AT


def alert(key: str) -> Alert:
    return Alert(
        key=key, name="DriftDetected", stream="docs", severity="ticket", summary="s", description="d", starts_at=AT
    )


def test_status_shows_streams_and_what_receivers_refused(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    (tmp_path / "state").mkdir()
    store = open_store(tmp_path / "state" / "driftwatch.db", clock=Still())
    store.outbox.put([alert("a"), alert("b"), alert("c")], ["webhook"])
    taken, refused, late = store.outbox.due(AT, limit=9)
    store.outbox.delivered(taken.id)
    store.outbox.dead(refused.id, error="404 Not Found")
    store.outbox.retry(late.id, due_at=AT, error="connection refused [/red]")
    store.close()
    command = ["status", "--config", str(tmp_path / "driftwatch.toml")]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "waiting for text" in shown.output
    assert "connection refused [/red]" in shown.output
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert set(found) == {"version", "at", "streams", "receivers", "policy", "hosts"}
    assert found["receivers"] == [
        {"name": "webhook", "pending": 1, "delivered": 1, "dead": 1, "error": "connection refused [/red]"}
    ]


def test_a_narrow_terminal_shows_a_streams_figures_one_below_the_other(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text("[streams.a-rather-long-name]\n[streams.docs]\n")
    command = ["status", "--config", str(tmp_path / "driftwatch.toml")]
    wide, narrow = (CliRunner().invoke(app, command, env={"COLUMNS": width}).output for width in ("200", "80"))
    (row,) = [line for line in wide.splitlines() if "a-rather-long-name" in line]
    assert "waiting for text" in row
    lines = narrow.splitlines()
    assert max(map(len, lines)) <= 80
    for head in ("standing", "backlog", "windows", "loss increase", "new share", "model", "reference"):
        assert head in wide
        assert sum(f"│ {head} " in line for line in lines) == 2
    assert sum("waiting for text" in line for line in lines) == 2


def test_drift_of_a_stream_without_a_scored_model_is_not_called_benign(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    (tmp_path / "state").mkdir()
    store = open_store(tmp_path / "state" / "driftwatch.db", clock=Still())
    store.windows.commit_step(
        Step(result=UNSCORED, states={}, decisions=(), rule_states=(), alerts=(), receivers=(), runs=())
    )
    store.close()
    command = ["status", "--config", str(tmp_path / "driftwatch.toml")]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"}).output
    assert shown.count("drift, no model scored") == 2, "where it stands, and its drift"
    assert "benign" not in shown
    (stream,) = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["streams"]
    assert stream["windows"][0]["state"] == "benign-drift", "programs read the state by its name"


def test_status_before_the_first_alert(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    found = CliRunner().invoke(app, ["status", "--config", str(tmp_path / "driftwatch.toml"), "--json"])
    assert json.loads(found.stdout)["receivers"] == [
        {"name": "webhook", "pending": 0, "delivered": 0, "dead": 0, "error": None}
    ]
