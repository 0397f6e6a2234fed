"""Promotion, probation, rollback and retention with real small models; killed at every step, they come to one end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from http_receiver import HttpReceiver
from hub_server import HubServer
from promoted import STREAM, Stream, stream_in

from driftwatch import wiring
from driftwatch.cycle.facts import facts_of
from driftwatch.daemon.champions import FIRST_PAUSE, Exporting, Tending
from driftwatch.domain.audit import RUN_CANCEL_ASKED, AuditEntry
from driftwatch.domain.errors import ConflictError, ModelError, NotFoundError
from driftwatch.domain.run import Probation, Run, RunState, VerdictOutcome
from driftwatch.drift.archive import load_reference
from driftwatch.drift.evidence.known import Known
from driftwatch.drift.evidence.seen import keys
from driftwatch.features.model import model_digest
from driftwatch.retrain import promote as versions
from driftwatch.retrain import reload as reloading
from driftwatch.retrain.change import change_begun
from driftwatch.store import Store
from driftwatch.wiring import promotion, rollbacks, serving

NONE = Probation(windows=0)
THREE = Probation(windows=3)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return stream_in(tmp_path_factory.mktemp("promotion") / "here")


def state(stream: Stream, store: Store) -> tuple[str, str, str, str]:
    """Where link, ledger, reference's model and run stand; the first three must be one model."""
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    assert champion is not None
    assert reference is not None
    current = (stream.models / "current").resolve()
    assert str(current) == champion.path
    assert model_digest(current) == champion.digest == reference.champion
    assert champion.reference == reference.version
    assert not change_begun(stream.models)
    assert list(stream.models.glob(".*.writing")) == []
    run = store.runs.list(stream=STREAM, limit=1)[0]
    return champion.version, reference.version, run.state.value, run.transitions[-1].reason


def told(store: Store) -> list[str]:
    return sorted(delivery.alert.name for delivery in store.outbox.due(wiring.CLOCK.now(), limit=99))


def hooks(folder: Path) -> str:
    """Settings whose command notes each version that it is told, and whose check fails for the candidates named."""
    note = f"import os, sys; open({str(folder / 'told')!r}, 'a').write(os.environ['DRIFTWATCH_VERSION'] + ' ')"
    check = (
        f"import os, sys; refused = open({str(folder / 'refused')!r}).read();"
        "sys.exit('it loads no such weights' if os.environ['DRIFTWATCH_VERSION'] in refused else 0)"
    )
    (folder / "told").write_text("")
    (folder / "refused").write_text("")
    return (
        f"[streams.{STREAM}.reload]\ncommand = {json.dumps([sys.executable, '-c', note])}\n"
        f"[streams.{STREAM}.reload.check]\ncommand = {json.dumps([sys.executable, '-c', check])}\n"
        'within = "300ms"\nevery = "100ms"\n'
    )


def heard(folder: Path) -> list[str]:
    return (folder / "told").read_text().split()


def test_a_promotion_writes_down_what_it_was(stream: Stream, tmp_path: Path) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better", probation=NONE)
    data = stream.folder / "state" / "runs" / run.spec.id / "data"
    data.mkdir(parents=True)
    (data / "card.json").write_text('{"seen": 600}')
    wiring.promote(stream.config, store, run, candidate=stream.candidate("better"), fresh=[], heldout=[], memory=[])
    version, reference, at, reason = state(stream, store)
    assert (version, at) == (run.candidate, "kept")
    assert reference != run.spec.reference, "the old texts with the new model's losses"
    assert reason == f"model {version} serves, compared with reference {reference}"
    manifest = versions.check_version(stream.models / version)
    assert (manifest.parent, manifest.run, manifest.recipe) == (run.spec.champion, run.spec.id, run.spec.recipe)
    assert manifest.card == manifest.files["card.json"]
    assert heard(tmp_path) == [version]
    assert told(store) == ["RunPromoted"]
    store.close()


def test_the_new_reference_still_knows_what_the_old_one_knew(stream: Stream) -> None:
    """The model may hear old texts again, word for word, which are in none of the new reference's parts."""
    store = stream.begin()
    run = stream.run(store, "better", probation=NONE)
    stream.promote(store, run, "better")
    references = stream.folder / "state" / "references" / STREAM
    row = store.registry.reference(STREAM)
    assert row is not None
    old, new = load_reference(references / run.spec.reference), load_reference(references / row.version)
    before, after = ({text.body for text in (*each.train.texts, *each.cal.texts)} for each in (old, new))
    assert not before & after
    assert Known(new)(np.array(keys(before), dtype=np.uint64)).all()
    store.close()


def test_what_the_serving_stack_refuses_is_put_back(stream: Stream, tmp_path: Path) -> None:
    store = stream.begin(hooks(tmp_path))
    before = store.registry.champion(STREAM)
    run = stream.run(store, "better")
    (tmp_path / "refused").write_text(str(run.candidate))
    ended = stream.promote(store, run, "better")
    assert before is not None
    version, reference, at, reason = state(stream, store)
    assert (version, reference, at) == (before.version, run.spec.reference, "rolled-back")
    assert "it loads no such weights" in reason
    assert [(v.gate, v.outcome) for v in ended.verdicts] == [("reload", VerdictOutcome.REFUSED)]
    assert heard(tmp_path) == [run.candidate, before.version]
    assert told(store) == ["RunRolledBack"]
    assert len(store.registry.champions(STREAM)) == 1, "it never served by the ledger"
    store.close()


def test_a_worse_model_is_rolled_back_in_its_probation(stream: Stream, tmp_path: Path) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "worse", probation=THREE)
    assert stream.promote(store, run, "worse").state is RunState.PROBATION
    version, _, at, _ = state(stream, store)
    assert (version, at) == (run.candidate, "probation")
    wiring.conclude(stream.config, store, STREAM)
    assert state(stream, store)[2] == "probation", "no window has spoken yet"
    stream.assess(store, 1)
    (verdict,) = store.runs.get(run.spec.id).verdicts
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert verdict.measures[0].low > 0
    assert verdict.measures[0].n > 50
    wiring.conclude(stream.config, store, STREAM)
    version, reference, at, reason = state(stream, store)
    assert (version, reference, at) == (run.spec.champion, run.spec.reference, "rolled-back")
    assert "worse for sure in window 1 of 3" in reason
    assert store.windows.monitor_states(STREAM, reference=reference) == {}, "the monitors begin anew"
    wiring.conclude(stream.config, store, STREAM)
    assert told(store) == ["RunPromoted", "RunRolledBack"]
    assert heard(tmp_path) == [run.candidate, run.spec.champion]
    stream.assess(store, 1, start=1)
    assert len(store.runs.get(run.spec.id).verdicts) == 1
    store.close()


def test_a_better_model_is_kept_after_its_probation(stream: Stream) -> None:
    store = stream.begin()
    run = stream.run(store, "better", probation=THREE)
    stream.promote(store, run, "better")
    outcomes, progress = [], []
    for window in range(3):
        stream.assess(store, 1, start=window)
        (verdict,) = store.runs.get(run.spec.id).verdicts
        outcomes.append(verdict.outcome.value)
        wiring.conclude(stream.config, store, STREAM)
        now = store.runs.get(run.spec.id)
        progress.append(now.progress.done if now.progress else None)
    assert outcomes == ["not-shown", "not-shown", "passed"]
    assert progress == [1, 2, None]
    assert verdict.measures[0].high < 0, "better for sure, on texts that neither was trained on"
    assert verdict.measures[0].n > 150
    version, _, at, reason = state(stream, store)
    assert (version, at) == (run.candidate, "kept")
    assert "window 3 of 3" in reason
    assert told(store) == ["RunPromoted"]
    back = wiring.rollback(stream.config, store, run.spec.id, reason="worse answers")
    assert back.version == run.spec.champion
    assert state(stream, store)[1:] == (run.spec.reference, "rolled-back", "worse answers")
    store.close()


def test_without_its_predecessor_a_model_is_kept_and_that_is_said(stream: Stream) -> None:
    store = stream.begin()
    run = stream.run(store, "worse", probation=Probation(windows=2))
    stream.promote(store, run, "worse")
    weights = stream.models / run.spec.champion / "model.safetensors"
    weights.rename(weights.with_name("elsewhere"))
    stream.assess(store, 2)
    wiring.conclude(stream.config, store, STREAM)
    ended = store.runs.get(run.spec.id)
    assert ended.state is RunState.KEPT
    assert "not compared with the model before" in ended.transitions[-1].reason
    assert "kept all the same" in ended.transitions[-1].reason
    store.close()


def test_a_worker_that_dies_with_two_models_goes_on_with_one(stream: Stream) -> None:
    store = stream.begin()
    run = stream.run(store, "worse", probation=THREE)
    stream.promote(store, run, "worse")
    for _ in range(2):
        store.windows.begin_attempt(STREAM, 0)
    stream.assess(store, 1)
    (verdict,) = store.runs.get(run.spec.id).verdicts
    assert verdict.outcome is VerdictOutcome.NOT_SHOWN
    assert "died on these texts" in verdict.detail
    store.close()


def test_a_cancelled_probation_is_rolled_back(stream: Stream) -> None:
    store = stream.begin()
    run = stream.run(store, "better", probation=THREE)
    stream.promote(store, run, "better")
    asked = AuditEntry(
        at=datetime(2026, 11, 2, tzinfo=UTC),
        who="ann",
        what=RUN_CANCEL_ASKED,
        subject=run.spec.id,
        detail={"because": "odd answers"},
    )
    store.runs.request_cancel(run.spec.id, entry=asked)
    wiring.conclude(stream.config, store, STREAM)
    reason = "cancelled on request in its probation: odd answers (by ann)"
    assert state(stream, store)[1:] == (run.spec.reference, "rolled-back", reason)
    store.close()


def test_a_second_promotion_goes_back_step_by_step(stream: Stream) -> None:
    store = stream.begin()
    first = stream.run(store, "better", probation=NONE)
    stream.promote(store, first, "better")
    middle = state(stream, store)[:2]
    second = stream.run(store, "worse", probation=NONE, number=2)
    stream.promote(store, second, "worse")
    with pytest.raises(ConflictError, match="did not make the serving model"):
        wiring.rollback(stream.config, store, first.spec.id, reason="x")
    wiring.rollback(stream.config, store, second.spec.id, reason="worse")
    assert state(stream, store)[:2] == middle
    with pytest.raises(ConflictError, match="rolled-back"):
        wiring.rollback(stream.config, store, second.spec.id, reason="worse")
    wiring.rollback(stream.config, store, first.spec.id, reason="worse too")
    assert state(stream, store)[0] == first.spec.champion
    store.close()


def test_a_candidate_judged_against_another_model_is_not_promoted(stream: Stream) -> None:
    store = stream.begin()
    first = stream.run(store, "better", probation=NONE)
    waiting = stream.run(store, "worse", probation=NONE, number=2)
    stream.promote(store, first, "better")
    with pytest.raises(ModelError, match="was judged against model"):
        stream.promote(store, waiting, "worse")
    assert state(stream, store)[0] == first.candidate
    store.close()


def test_a_candidate_that_changed_since_it_was_judged_is_not_promoted(stream: Stream, tmp_path: Path) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better", probation=NONE)
    before = store.registry.champion(STREAM)
    with pytest.raises(ModelError, match=f"not the model {run.candidate} that was judged") as told_why:
        stream.promote(store, run, "worse")
    assert told_why.value.where == str(stream.candidate("worse"))
    assert store.registry.champion(STREAM) == before
    assert not (stream.models / str(run.candidate)).exists()
    assert heard(tmp_path) == [], "the serving stack was told nothing"
    assert stream.promote(store, run, "better").state is RunState.KEPT
    store.close()


@pytest.mark.parametrize("missing", ["model", "reference"])
def test_a_way_back_that_is_gone_leaves_everything(stream: Stream, missing: str) -> None:
    store = stream.begin()
    run = stream.run(store, "better", probation=THREE)
    stream.promote(store, run, "better")
    before = state(stream, store)
    gone = stream.models / run.spec.champion
    if missing == "reference":
        gone = stream.folder / "state" / "references" / STREAM / run.spec.reference
    gone.rename(gone.with_name("gone"))
    with pytest.raises(NotFoundError, match=r"no model version|is gone"):
        wiring.rollback(stream.config, store, run.spec.id, reason="x")
    assert state(stream, store) == before, "not even a change was begun"
    store.runs.request_cancel(run.spec.id)
    tend = Tending(stream.config, store, clock=Hand()).tend_all
    with pytest.raises(NotFoundError, match=r"no model version|is gone"):
        tend()
    assert state(stream, store) == before, "the daemon tries again in its next round"
    gone.with_name("gone").rename(gone)
    tend()
    assert state(stream, store)[0] == run.spec.champion
    store.close()


def test_a_serving_stack_that_refuses_the_way_back_is_told_again(stream: Stream, tmp_path: Path) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better", probation=THREE)
    stream.promote(store, run, "better")
    store.runs.request_cancel(run.spec.id)
    (tmp_path / "refused").write_text(run.spec.champion)
    clock = Hand()
    tend = Tending(stream.config, store, clock=clock).tend_all
    tend()
    ended = store.runs.get(run.spec.id)
    assert ended.state is RunState.ROLLED_BACK, "the ledger knows what should serve"
    assert "it loads no such weights" in ended.transitions[-1].reason
    assert change_begun(stream.models)
    tend()
    tried = len(heard(tmp_path))
    tend()
    assert len(heard(tmp_path)) == tried, "after a failure there is a pause"
    (tmp_path / "refused").write_text("")
    clock.at += FIRST_PAUSE
    tend()
    assert state(stream, store)[0] == run.spec.champion
    assert len(heard(tmp_path)) == tried + 1
    tend()
    assert len(heard(tmp_path)) == tried + 1
    store.close()


class Hand:
    """A clock that a hand moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class KilledError(BaseException):
    """The process ends here."""


TAKEN: tuple[tuple[object, str], ...] = (
    (promotion, "add_version"),
    (promotion, "_rebase"),
    (promotion, "begin_change"),
    (serving, "point_current"),
    (reloading, "reload"),
    (promotion, "_record"),
    (promotion, "end_change"),
)
"""The steps of a promotion in their order; a kill after one is a kill before the next."""
REFUSED: tuple[tuple[object, str, str], ...] = (
    (reloading, "reload", "after"),
    (promotion, "_put_back", "before"),
    (promotion, "_put_back", "after"),
    (promotion, "settled", "before"),
)
ROLLING: tuple[tuple[object, str, str], ...] = (
    (rollbacks, "begin_change", "after"),
    (serving, "point_current", "after"),
    (reloading, "reload", "after"),
    (rollbacks, "settled", "before"),
    (rollbacks, "settled", "after"),
)


def killed(patch: pytest.MonkeyPatch, place: tuple[object, str, str], act: Callable[[], object]) -> None:
    """Act until the process is killed right before or right after one step."""
    step, moment = getattr(*place[:2]), place[2]

    def cut(*arguments: object, **named: object) -> object:
        if moment == "after":
            step(*arguments, **named)
        raise KilledError

    with patch.context() as patched:
        patched.setattr(*place[:2], cut)
        with pytest.raises(KilledError):
            act()


@pytest.mark.parametrize("place", TAKEN, ids=lambda place: place[1])
def test_a_promotion_killed_anywhere_is_brought_to_its_end(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]
) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better", probation=THREE)
    killed(monkeypatch, (*place, "after"), lambda: stream.promote(store, run, "better"))
    wiring.reconcile(stream.config, store)
    if (now := store.runs.get(run.spec.id)).state is RunState.PROMOTING:
        stream.promote(store, now, "better")
    wiring.reconcile(stream.config, store)
    version, _, at, _ = state(stream, store)
    assert (version, at) == (run.candidate, "probation")
    assert told(store) == ["RunPromoted"]
    assert heard(tmp_path)[-1] == version, "the serving stack was told last of what serves"
    store.close()


@pytest.mark.parametrize("place", REFUSED, ids=lambda place: "-".join(place[1:]))
def test_a_refusal_killed_anywhere_is_undone(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str, str]
) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better", probation=THREE)
    (tmp_path / "refused").write_text(str(run.candidate))
    killed(monkeypatch, place, lambda: stream.promote(store, run, "better"))
    tried = heard(tmp_path).count(str(run.candidate))
    wiring.reconcile(stream.config, store)
    if (now := store.runs.get(run.spec.id)).state is RunState.PROMOTING:
        stream.promote(store, now, "better")
    wiring.reconcile(stream.config, store)
    version, _, at, _ = state(stream, store)
    assert (version, at) == (run.spec.champion, "rolled-back")
    assert told(store) == ["RunRolledBack"]
    assert heard(tmp_path)[-1] == version
    known = place[1:] != ("reload", "after")
    assert heard(tmp_path).count(str(run.candidate)) == (tried if known else tried + 1), (
        "a known refusal is not retried"
    )
    store.close()


@pytest.fixture(scope="module")
def promoted(stream: Stream) -> dict[str, Run]:
    """Two states to begin from: a worse model kept, and one whose probation has said that it is worse."""
    store = stream.begin()
    kept = stream.run(store, "worse", probation=NONE)
    stream.promote(store, kept, "worse")
    store.close()
    stream.keep("kept")
    store = stream.begin()
    watched = stream.run(store, "worse", probation=THREE)
    stream.promote(store, watched, "worse")
    stream.assess(store, 1)
    store.close()
    stream.keep("watched")
    return {"kept": kept, "watched": watched}


@pytest.mark.parametrize("place", ROLLING, ids=lambda place: "-".join(place[1:]))
@pytest.mark.parametrize("begun", ["kept", "watched"])
def test_a_rollback_killed_anywhere_is_undone_or_finished(
    stream: Stream,
    promoted: dict[str, Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun: str,
    place: tuple[object, str, str],
) -> None:
    store, run = stream.begin(hooks(tmp_path), state=begun), promoted[begun]

    def act() -> None:
        if begun == "watched":
            wiring.conclude(stream.config, store, STREAM)
        else:
            wiring.rollback(stream.config, store, run.spec.id, reason="worse")

    killed(monkeypatch, place, act)
    wiring.conclude(stream.config, store, STREAM)  # what the daemon does next
    wiring.reconcile(stream.config, store)
    version, _, at, _ = state(stream, store)
    finished = begun == "watched" or place[1] == "settled"
    assert (version, at) == ((run.spec.champion, "rolled-back") if finished else (run.candidate, "kept"))
    assert told(store).count("RunRolledBack") == int(finished)
    if place[1:] != ("begin_change", "after") or begun == "watched":
        assert heard(tmp_path)[-1] == version
    store.close()


def test_a_promotion_given_up_is_undone_and_the_serving_stack_told(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stream.begin(hooks(tmp_path))
    run = stream.run(store, "better")
    killed(monkeypatch, (promotion, "_record", "before"), lambda: stream.promote(store, run, "better"))
    wiring.reconcile(stream.config, store)
    assert (stream.models / "current").readlink().name == run.candidate, "the job may still finish it"
    store.runs.move(run.spec.id, to=RunState.FAILED, reason="its job ended again and again")
    wiring.reconcile(stream.config, store)
    assert state(stream, store)[0] == run.spec.champion
    assert heard(tmp_path) == [run.candidate, run.spec.champion]
    wiring.reconcile(stream.config, store)
    assert len(heard(tmp_path)) == 2
    store.close()


def test_a_change_under_way_elsewhere_is_left_alone(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stream.begin()
    run = stream.run(store, "better", probation=NONE)
    stream.promote(store, run, "better")

    def meanwhile(_config: object, _store: object, _stream: str, version: str) -> object:
        versions.point_current(stream.models, version)
        wiring.reconcile(stream.config, store)
        assert (stream.models / "current").readlink().name == version
        with pytest.raises(ConflictError, match="another promotion or rollback"):
            wiring.rollback(stream.config, store, run.spec.id, reason="at the same time")
        assert wiring.prune_models(stream.config, store, STREAM) == ()
        raise KilledError

    monkeypatch.setattr(rollbacks, "serve", meanwhile)
    monkeypatch.setattr(rollbacks, "_PATIENCE", rollbacks._PATIENCE * 0)
    with pytest.raises(KilledError):
        wiring.rollback(stream.config, store, run.spec.id, reason="worse")
    wiring.reconcile(stream.config, store)
    assert state(stream, store)[0] == run.candidate
    store.close()


def test_what_something_needs_outlives_retention(stream: Stream) -> None:
    store = stream.begin(f"[streams.{STREAM}.models]\nkeep = 2\n")
    first = store.registry.champion(STREAM)
    assert first is not None
    run = stream.run(store, "better", probation=NONE)
    stream.promote(store, run, "better")
    for number in range(3):
        manifest = versions.VersionManifest(
            version=f"x{number}", parent=None, run=None, created_at=wiring.CLOCK.now(), digest=""
        )
        versions.add_version(stream.candidate("worse"), stream.models, manifest)
    assert wiring.prune_models(stream.config, store, STREAM) == ("x0",)
    left = {path.name for path in stream.models.iterdir() if path.is_dir() and not path.is_symlink()}
    assert left == {first.version, run.candidate, "x1", "x2"}
    wiring.rollback(stream.config, store, run.spec.id, reason="worse")
    assert wiring.prune_models(stream.config, store, STREAM) == ()
    store.close()


def test_a_run_in_probation_keeps_its_stream_to_itself(stream: Stream) -> None:
    store = stream.begin()
    run = stream.run(store, "better", probation=THREE)
    stream.promote(store, run, "better")
    champion, reference = store.registry.champion(STREAM), store.registry.reference(STREAM)
    stream.assess(store, 1)
    result = store.windows.result(STREAM, 0)
    assert champion is not None
    assert reference is not None
    assert result is not None
    assert facts_of(store, result, reference=reference, champion=champion, now=champion.at).running
    store.close()


def test_a_signed_webhook_is_told_of_promotion_and_rollback(stream: Stream, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    with HttpReceiver([200]) as receiver:
        more = f'[streams.{STREAM}.reload]\nwebhook = "{receiver.url}"\nsecret = "file:{tmp_path / "secret"}"\n'
        store = stream.begin(more)
        run = stream.run(store, "better", probation=NONE)
        stream.promote(store, run, "better")
        wiring.rollback(stream.config, store, run.spec.id, reason="worse")
    assert [post.json["version"] for post in receiver.posts] == [run.candidate, run.spec.champion]
    assert all(post.headers["X-Driftwatch-Signature"].startswith("v1=") for post in receiver.posts)
    store.close()


def test_a_kept_model_is_exported_once_and_shown(stream: Stream, tmp_path: Path) -> None:
    with HubServer(token="t0ken") as hub:
        (tmp_path / "token").write_text("t0ken\n")
        more = (
            f'[streams.{STREAM}.export.hub]\nrepository = "acme/docs"\n'
            f'token = "file:{tmp_path / "token"}"\nendpoint = "{hub.url}"\n'
        )
        store = stream.begin(more)
        assert wiring.export_due(stream.config, store, STREAM) == (), "a model that no run made stays here"
        run = stream.run(store, "better", probation=Probation(windows=1))
        stream.promote(store, run, "better")
        assert wiring.export_due(stream.config, store, STREAM) == (), "not before its probation ended"
        stream.assess(store, 1)
        wiring.conclude(stream.config, store, STREAM)
        clock = Hand()
        exporting = Exporting(stream.config, store, clock=clock)
        hub.token = "another"
        exporting.export_all()
        (refused,) = [v for v in store.runs.get(run.spec.id).verdicts if v.gate == "export.hub"]
        assert refused.outcome is VerdictOutcome.REFUSED
        assert "did not take the model" in refused.detail
        assert state(stream, store)[2] == "kept", "a failing export undoes nothing"
        hub.token = "t0ken"
        exporting.export_all()
        assert hub.commits == [], "its time has not come"
        clock.at += FIRST_PAUSE
        exporting.export_all()
        exporting.export_all()
        assert hub.commits == [f"{run.candidate}, from {run.spec.champion} by {run.spec.id}"]
        (passed,) = [v for v in store.runs.get(run.spec.id).verdicts if v.gate == "export.hub"]
        assert (passed.outcome, passed.detail) == (VerdictOutcome.PASSED, f"exported as acme/docs at {hub.head}")
        assert wiring.export_due(stream.config, store, STREAM) == ()
        wiring.rollback(stream.config, store, run.spec.id, reason="worse answers")
        assert wiring.export_due(stream.config, store, STREAM) == ("hub",), "the place follows the way back"
        store.close()
