"""The commands on runs, over a real store."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from run_samples import run_spec
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.cli.account import signed_by
from driftwatch.daemon.supervisor import Supervisor
from driftwatch.domain.alert import Alert
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.run import (
    GateMeasure,
    Progress,
    RunId,
    RunState,
    Verdict,
    VerdictOutcome,
)
from driftwatch.retrain.launchers import ChildLauncher
from driftwatch.store import Store, open_store
from driftwatch.wiring import SystemClock

AT = datetime(2026, 3, 1, tzinfo=UTC)
RUN = RunId("docs-w0000001")
JUDGED = (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING)
GAIN = GateMeasure(name="gain", value=0.31, low=0.29, high=0.33, limit=0.01, unit="nats/token", n=200)


class Still:
    def now(self) -> datetime:
        return AT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n[streams.other]\n")
    (tmp_path / "state").mkdir()
    return tmp_path


def store_in(folder: Path) -> Store:
    return open_store(folder / "state" / "driftwatch.db", clock=Still())


def put_run(folder: Path, *states: RunState) -> None:
    store = store_in(folder)
    spec = run_spec(RUN, stream="docs", rule="model-suffers", window=1, approve=True)
    store.runs.create(spec, reason="the loss rose")
    for state in states:
        store.runs.move(RUN, to=state, reason=f"on to {state.value}")
    verdict = Verdict(gate="quality", round=1, outcome=VerdictOutcome.PASSED, detail="it gained", measures=(GAIN,))
    store.runs.add_verdict(RUN, verdict)
    store.close()


def invoke(folder: Path, *arguments: str) -> Result:
    options = ["--config", str(folder / "driftwatch.toml")]
    return CliRunner().invoke(app, ["runs", *arguments, *options], env={"COLUMNS": "200"})


def answered(folder: Path, *arguments: str) -> Any:
    result = invoke(folder, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_says_where_each_run_stands(folder: Path) -> None:
    assert "no runs yet" in invoke(folder, "list").output
    put_run(folder, *JUDGED)
    assert [run["spec"]["id"] for run in answered(folder, "list")] == [RUN]
    assert answered(folder, "list", "--state", "kept") == []
    assert answered(folder, "list", "--stream", "other") == []
    words = " ".join(invoke(folder, "list").output.split())
    assert "judging" in words
    assert "on to judging" in words


def test_show_has_every_stage_and_interval(folder: Path) -> None:
    put_run(folder, *JUDGED)
    words = " ".join(invoke(folder, "show", RUN).output.split())
    for said in ("the loss rose", "on to training", "it gained", "+0.2900 to +0.3300", "nats/token"):
        assert said in words
    shown = answered(folder, "show", RUN)
    assert [moved["state"] for moved in shown["transitions"]] == ["queued", "collecting", "training", "judging"]
    assert shown["verdicts"][0]["measures"][0]["low"] == 0.29


def test_show_ends_with_the_jobs_log_while_it_works(folder: Path) -> None:
    put_run(folder, *JUDGED)
    log = folder / "state" / "runs" / RUN / "log.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(
        b"".join(b'{"event": "step %d"}\n' % number for number in range(9)) + b"\x1b[2Jbroken \xff [/red]\n"
    )
    shown = invoke(folder, "show", RUN).output
    assert "step 8" in shown
    assert "[2Jbroken" in shown
    assert "\x1b" not in shown
    assert "step 4" not in shown


def test_approve_moves_on_and_ends_the_alert(folder: Path) -> None:
    put_run(folder, *JUDGED, RunState.AWAITING_APPROVAL)
    store = store_in(folder)
    key = f"run:{RUN}:approval"
    alert = Alert(
        key=key, name="ApprovalWanted", stream="docs", severity="ticket", summary="s", description="d", starts_at=AT
    )
    store.outbox.put([alert], ["webhook"])
    assert answered(folder, "approve", RUN, "--because", "verdicts read") == {"run": RUN, "state": "promoting"}
    assert re.fullmatch(r"verdicts read \(by .+ on .+\)", store.runs.get(RUN).transitions[-1].reason)
    assert [delivery.alert.ends_at is not None for delivery in store.outbox.due(datetime.now(UTC), limit=9)] == [True]
    store.close()


@pytest.mark.parametrize("command", ["approve", "rollback"])
def test_what_does_not_fit_is_a_conflict(folder: Path, command: str) -> None:
    put_run(folder, *JUDGED)
    result = invoke(folder, command, RUN)
    assert result.exit_code == 5
    assert "judging" in result.output


def test_cancel_asks_the_daemon(folder: Path) -> None:
    put_run(folder, *JUDGED)
    assert answered(folder, "cancel", RUN) == {"run": RUN, "state": "judging"}
    store = store_in(folder)
    assert store.runs.cancel_requested(RUN)
    store.close()


def test_what_has_ended_cannot_be_cancelled(folder: Path) -> None:
    put_run(folder, *JUDGED, RunState.REJECTED)
    result = invoke(folder, "cancel", RUN)
    assert result.exit_code == 5
    assert "rejected" in result.output


def test_probation_is_listed_with_its_progress(folder: Path) -> None:
    put_run(folder, *JUDGED, RunState.PROMOTING, RunState.PROBATION)
    store = store_in(folder)
    store.runs.progress(RUN, Progress(stage="probation", done=1, total=3))
    store.close()
    assert [run["state"] for run in answered(folder, "list", "--state", "probation")] == ["probation"]
    assert "probation: 1 of 3" in invoke(folder, "show", RUN).output


def test_a_cancelled_probation_is_announced_as_a_rollback(folder: Path) -> None:
    put_run(folder, *JUDGED, RunState.PROMOTING, RunState.PROBATION)
    assert "is in probation and will be rolled back" in invoke(folder, "cancel", RUN).output
    store = store_in(folder)
    assert store.runs.cancel_requested(RUN)
    store.close()


def test_who_decided_is_known_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "jane")
    assert "(by jane as " in signed_by("better answers")
    monkeypatch.setenv("SUDO_USER", "jane\n2026-01-01 kept")
    assert "jane" not in signed_by("better answers")


def test_nothing_to_export_is_said(folder: Path) -> None:
    assert "nothing to export for stream docs" in invoke(folder, "export", "docs").output
    assert answered(folder, "export", "docs") == {}
    assert invoke(folder, "export", "nobody").exit_code == 4


def test_what_people_did_is_in_the_audit_log(folder: Path) -> None:
    put_run(folder, *JUDGED, RunState.AWAITING_APPROVAL)
    invoke(folder, "approve", RUN, "--because", "verdicts read")
    assert invoke(folder, "approve", RUN).exit_code == 0  # again: nothing happens, and nothing is noted
    assert invoke(folder, "cancel", RUN).exit_code == 5  # refused: likewise
    result = CliRunner().invoke(app, ["audit", "--json", "--config", str(folder / "driftwatch.toml")])
    (entry,) = json.loads(result.stdout)
    assert (entry["what"], entry["subject"], entry["detail"]) == ("run-approved", RUN, {"because": "verdicts read"})
    assert entry["who"]
    words = CliRunner().invoke(app, ["audit", "--config", str(folder / "driftwatch.toml")], env={"COLUMNS": "200"})
    assert "because: verdicts read" in words.output


def test_the_audit_log_leaves_diffs_to_the_policies_history(folder: Path) -> None:
    store = store_in(folder)
    detail = {"old": "", "new": "ec26adeee0be", "diff": "--- /dev/null\n+++ policies/default.yaml"}
    store.audit.put(AuditEntry(at=AT, who="start", what="policy-loaded", subject="policy", detail=detail))
    store.close()
    arguments = ["audit", "--config", str(folder / "driftwatch.toml")]
    words = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}).output
    assert "new: ec26adeee0be" in words
    assert "/dev/null" not in words
    assert "old:" not in words
    (entry,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert entry["detail"] == detail


def test_a_cancel_is_noted(folder: Path) -> None:
    put_run(folder, *JUDGED)
    invoke(folder, "cancel", RUN)
    invoke(folder, "cancel", RUN, "--because", "the texts\nwere a test")
    arguments = ["audit", "--what", "run-cancel-asked", "--json", "--config", str(folder / "driftwatch.toml")]
    last, first = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert [each["subject"] for each in (last, first)] == [RUN, RUN]
    assert (last["detail"], first["detail"]) == ({"because": "the texts were a test"}, {})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), r"cancelled on request \(by .+\)"),
        (("--because", "a test"), r"cancelled on request: a test \(by .+\)"),
    ],
)
def test_why_a_run_was_cancelled_is_its_last_reason(folder: Path, words: tuple[str, ...], reason: str) -> None:
    put_run(folder, *JUDGED)
    assert invoke(folder, "cancel", RUN, *words).exit_code == 0
    store = store_in(folder)
    launcher = ChildLauncher(folder / "runs", config=folder / "driftwatch.toml")
    Supervisor(store, launcher, receivers=lambda: (), clock=SystemClock()).tend()
    last = store.runs.get(RUN).transitions[-1]
    store.close()
    assert last.state is RunState.CANCELLED
    assert re.fullmatch(reason, last.reason)
