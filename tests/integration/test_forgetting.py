"""A person's texts are deleted everywhere: afterwards no file of the state folder holds a word of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from drift_samples import known, measured, texts
from mixes import some
from run_samples import run_spec
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.domain.drift import Change, ClusterShift, Outcome, WindowResult
from driftwatch.domain.features import Digest
from driftwatch.domain.feedback import Feedback
from driftwatch.domain.run import RunId, RunState
from driftwatch.domain.text import Text
from driftwatch.drift.archive import load_reference, save_reference
from driftwatch.drift.reference import build_reference
from driftwatch.retrain.collect.card import DataCard, Flagged
from driftwatch.retrain.collect.mix import COUNTERFACTUAL, PARTS, load_mix, seal, write_part
from driftwatch.retrain.collect.page import card_section
from driftwatch.retrain.report import CARD_PAGE
from driftwatch.store import Champion, ReferenceRow, Store, open_store
from driftwatch.store.step import Step

AT = datetime(2026, 3, 1, tzinfo=UTC)
PERSON, MARK = "author-of-the-request", "unmistakable-zanzibar"
RUN = RunId("docs-w0000001")


class Still:
    def now(self) -> datetime:
        return AT


def said(number: int) -> str:
    return f"text {number} about {MARK} and whatever else this person once wrote to us"


def of_person(count: int, *, first: int = 0) -> list[Text]:
    return [Text(id=f"p{n}", body=said(n), seen_at=AT, group=PERSON, source="log") for n in range(first, first + count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n")
    (tmp_path / "state").mkdir()
    store = store_in(tmp_path)
    reference = saved_reference(tmp_path, store)
    store.texts.take_in(
        "docs", source="log", texts=[*some(40, group="other"), *of_person(5)], cursor=None, counts={"stored": 45}
    )
    store.feedback.take_in("docs", [Feedback(text="p1", correct=False, at=AT)])
    assess(store, reference, index=0, first=1, last=45, exemplar=said(2))
    assess(store, reference, index=1, first=46, last=90, exemplar="somebody else's words")
    ran(tmp_path, store, reference)
    reports = tmp_path / "state" / "reports" / "docs"
    reports.mkdir(parents=True)
    (reports / "0.html").write_text(f"<p>{said(3)}</p>")
    store.close()
    return tmp_path


def store_in(folder: Path) -> Store:
    return open_store(folder / "state" / "driftwatch.db", clock=Still())


def saved_reference(folder: Path, store: Store) -> ReferenceRow:
    bodies = [*known(560), *(text.body for text in of_person(40, first=100))]
    groups = [*(f"g{n % 90}" for n in range(560)), *([PERSON] * 40)]
    made = build_reference(
        texts(bodies, groups=groups),
        heldout=of_person(3, first=200),
        memory=of_person(2, first=300),
        others=None,
        stream="docs",
        seed=7,
        sample=10_000,
        extract=measured,
        created_at=AT,
    ).reference
    path = folder / "state" / "references" / "docs"
    saved = save_reference(made, path)
    row = ReferenceRow(
        stream="docs",
        version=saved.version,
        path=str(path / saved.version),
        encoder=saved.encoder,
        tokenizer=saved.tokenizer,
        champion=saved.champion,
        texts=len(saved.train.texts) + len(saved.cal.texts),
        created_at=AT,
        in_force=False,
    )
    store.registry.add_reference(row, in_force=True)
    return row


def assess(store: Store, reference: ReferenceRow, *, index: int, first: int, last: int, exemplar: str) -> None:
    cluster = ClusterShift(
        change=Change.NEW,
        keywords=("a",),
        share=0.1,
        low=0.1,
        high=0.2,
        reference_share=0.0,
        texts=5,
        exemplars=(exemplar,),
    )
    result = WindowResult(
        stream="docs",
        index=index,
        first_seq=first,
        last_seq=last,
        texts=45,
        distinct=45,
        first_seen_at=AT,
        last_seen_at=AT,
        reference=reference.version,
        champion=None,
        outcome=Outcome.ASSESSED,
        measures=(),
        words=(),
        exemplars=(exemplar,),
        clusters=(cluster,),
    )
    step = Step(result=result, states={"evidence": b"state"})
    store.windows.commit_step(step)


def ran(folder: Path, store: Store, reference: ReferenceRow) -> None:
    spec = replace(run_spec(RUN, stream="docs", window=1), reference=reference.version)
    store.runs.create(spec, reason="it drifted")
    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.REJECTED):
        store.runs.move(RUN, to=state, reason="on")
    store.registry.set_champion(
        Champion(stream="docs", version="m1", path="x", digest=Digest("sha256:0"), at=AT, reference=reference.version),
        reference=None,
        reason="first",
    )
    data = folder / "state" / "runs" / RUN / "data"
    data.mkdir(parents=True)
    for number, part in enumerate((*PARTS, COUNTERFACTUAL)):
        write_part(data, part, [*some(3, first=number * 10), *of_person(2, first=number * 2)])
    flagged = Flagged(
        kind="phrase",
        texts=9,
        used=3,
        canaries=0,
        groups=1,
        sources=1,
        phrase=MARK,
        exemplars=(said(1),),
        trained=("p1", "f2"),
    )
    card = DataCard(
        seed=1,
        fresh=9,
        left_out={},
        train=5,
        select=2,
        judge=2,
        groups=2,
        group_cap=9,
        reference=3,
        replay=1,
        replay_wanted=1,
        remembered=2,
        clusters=(flagged,),
    )
    seal(data, card)
    (data.parent / CARD_PAGE).write_text(card_section(card))


def forget(folder: Path, *more: str) -> Result:
    arguments = ["texts", "forget", "--stream", "docs", "--group", PERSON, "--because", "request of 3 May", *more]
    return CliRunner().invoke(app, [*arguments, "--config", str(folder / "driftwatch.toml")], env={"COLUMNS": "200"})


def with_word(folder: Path, word: str) -> list[str]:
    files = [file for file in (folder / "state").rglob("*") if file.is_file()]
    return [str(file.relative_to(folder)) for file in files if word.encode() in file.read_bytes()]


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_nothing_of_a_person_is_left_in_any_file(folder: Path) -> None:
    assert len(with_word(folder, MARK)) >= 10
    done = answered(forget(folder, "--json"))
    assert (done["texts"], done["feedback"], done["windows"], done["reports"]) == (5, 1, [0], 1)
    assert done["runs"] == {RUN: 14}
    assert with_word(folder, MARK) == []
    assert with_word(folder, PERSON) == []
    store = store_in(folder)
    assert store.check() == []
    assert store.texts.backlog("docs", after_seq=0) == 40
    (entry,) = store.audit.recent(what=["texts-forgotten"], limit=9)
    assert (entry.subject, entry.detail["texts"], entry.detail["because"]) == ("docs", "5", "request of 3 May")
    store.close()


def test_what_is_left_is_whole_and_others_keep_theirs(folder: Path) -> None:
    store = store_in(folder)
    old = store.registry.reference("docs")
    assert old is not None
    forget(folder)
    row = store.registry.reference("docs")
    assert row is not None
    assert row.version != old.version
    assert [each.version for each in store.registry.references("docs")] == [row.version]
    left = load_reference(Path(row.path))
    assert len(left.train.texts) + len(left.cal.texts) == row.texts == old.texts - 40
    assert len(left.train.features.embeddings.values) == len(left.train.texts)
    champion = store.registry.champion("docs")
    assert champion is not None
    assert champion.reference == row.version
    assert store.runs.get(RUN).spec.reference == row.version
    assert store.windows.monitor_states("docs", reference=old.version) == {}
    mix = load_mix(folder / "state" / "runs" / RUN / "data")
    assert len(mix.fresh) == 3
    (cluster,) = mix.card.clusters
    assert (cluster.exemplars, cluster.phrase, cluster.trained) == ((), "", ("f2",))
    kept, bare = store.windows.result("docs", 1), store.windows.result("docs", 0)
    assert kept is not None
    assert bare is not None
    assert kept.exemplars == ("somebody else's words",)
    assert (bare.exemplars, bare.clusters[0].exemplars) == ((), ())
    store.close()


def test_forgetting_twice_finds_nothing_more(folder: Path) -> None:
    forget(folder)
    done = answered(forget(folder, "--json"))
    assert (done["texts"], done["windows"], done["runs"], done["references"]) == (0, [], {}, {})


@pytest.mark.parametrize("place", ["forget", "_delete_replaced"])
def test_cut_off_halfway_it_ends_when_given_again(folder: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftwatch.store.forgetting import Forgetting
    from driftwatch.wiring import forgetting

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Forgetting if place == "forget" else forgetting, place, cut)
        assert forget(folder).exit_code == 130
    assert forget(folder).exit_code == 0
    assert with_word(folder, MARK) == []
    load_mix(folder / "state" / "runs" / RUN / "data")


def test_a_run_under_way_on_such_texts_is_not_pulled_from_under(folder: Path) -> None:
    store = store_in(folder)
    other = RunId("docs-w0000002")
    store.runs.create(run_spec(other, stream="docs", window=2), reason="it drifted")
    store.runs.move(other, to=RunState.COLLECTING, reason="on")
    refused = forget(folder)
    assert (refused.exit_code, f"driftwatch runs cancel {other}" in refused.output) == (5, True)
    assert store.texts.backlog("docs", after_seq=0) == 45
    store.runs.move(other, to=RunState.CANCELLED, reason="asked")
    store.close()
    assert forget(folder).exit_code == 0


def test_exemplars_that_nobody_can_place_go_on_request(folder: Path) -> None:
    store = store_in(folder)
    store.texts.prune("docs", older_than=None, keep=1, before_seq=10**9)
    store.close()
    assert answered(forget(folder, "--json", "--older"))["windows"] == [0]


def test_a_stream_that_does_not_exist(folder: Path) -> None:
    result = CliRunner().invoke(
        app, ["texts", "forget", "--stream", "no", "--group", "x", "--config", str(folder / "driftwatch.toml")]
    )
    assert result.exit_code == 4
