from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from incident_samples import ALARM, SHOWN, incident, quiet, too_little
from page_tree import Tree

from driftwatch.alert.account import account
from driftwatch.domain.decision import Action, Decision, Reason
from driftwatch.domain.drift import (
    Change,
    ChannelEvidence,
    DriftMap,
    DriftState,
    Measure,
    SliceShift,
    WindowResult,
    WordShift,
)
from driftwatch.domain.features import LossUnit
from driftwatch.domain.mark import Mark
from driftwatch.domain.run import RunState
from driftwatch.drift.incident import incident_page
from driftwatch.drift.page import window_page
from driftwatch.drift.paper.course import Course
from driftwatch.drift.paper.measures import NAMES
from driftwatch.drift.paper.sentences import verdict

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=y> \u202e\ud800"


def whole(result: WindowResult | None = None) -> str:
    sample = incident()
    return incident_page(
        result or sample.result,
        history=sample.history,
        decisions=sample.decisions,
        runs=sample.runs,
        budget="1 per 365d",
    )


def test_texts_of_other_streams_in_the_store_do_not_stretch_the_course() -> None:
    """As if another stream had sent a million texts between any two windows."""
    sample = incident()

    def moved(result: WindowResult) -> WindowResult:
        gap = 1_000_000 * result.index
        return replace(result, first_seq=result.first_seq + gap, last_seq=result.last_seq + gap)

    onset = sample.result.onset
    assert onset is not None
    began = next(each for each in sample.history if each.first_seq <= onset.seq <= each.last_seq)
    later = replace(onset, seq=onset.seq + 1_000_000 * began.index)
    beside = Course(replace(moved(sample.result), onset=later), [moved(each) for each in sample.history])
    assert beside.evidence() == Course(sample.result, sample.history).evidence()


def heads(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_it_tells_everything_in_the_order_people_ask() -> None:
    page = whole()
    assert heads(page) == [
        "Since when",
        "What is new, and what is gone",
        "Words that rose and fell",
        "Who is affected",
        "The model's loss",
        "What driftwatch did",
        "How much",
        "Which channels carry the evidence",
        "Texts least like the reference",
    ]
    text = Tree(page).text
    for said in (
        "Harmful drift",
        "The text has changed, and the model suffers from it.",
        "It began at about 2 Nov 2026, 11:08 UTC, 1,287 texts before the end of this window.",
        "At least 21% of this window's texts are of a kind that the reference does not explain.",
        "It is strongest where channel is mobile app (35% of the texts).",
        "The model's loss is 0.35 nats per token above its baseline (+0.29 to +0.41).",
        "So far: rule tell alerted on 2 Nov 2026, 12:23 UTC, run docs-w0000019-retrain-on-harm is training.",
        f"alarm in window {ALARM}",
        "1 per 365d",
        "What is guaranteed, and what is not",
    ):
        assert said in text


def test_it_loads_nothing_and_runs_nothing() -> None:
    for page in (whole(), incident_page(quiet()), incident_page(too_little()), window_page(incident().result)):
        tree = Tree(page)
        assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & set(tree.tags)
        assert not [name for name, _ in tree.attributes if name.startswith("on")]
        links = [value for name, value in tree.attributes if name in {"href", "src", "xlink:href"}]
        assert all(value is not None and value.startswith(("/", "data:,")) for value in links)
        assert "url(" not in page
        assert "@import" not in page


def test_everybodys_text_is_escaped_everywhere() -> None:
    sample = incident()
    cluster = replace(sample.result.clusters[0], change=Change.NEW, keywords=(EVIL,), exemplars=(EVIL,))
    evil = replace(
        sample.result,
        stream=EVIL,
        reference=EVIL,
        champion=EVIL,
        words=(WordShift(word=EVIL, share=0.1, reference_share=0.0, z=9.0),),
        exemplars=(EVIL,),
        clusters=(cluster,),
        map=DriftMap(reference=((0.5, 0.5),), window=((0.1, 0.2),), clusters=(0,)),
        slices=(SliceShift(label=EVIL, value=EVIL, texts=1, share=0.1, log10_e=3.0, new_share=0.1),),
        channels=(ChannelEvidence(bank=EVIL, name=EVIL, share=0.1, reference_share=0.0, log10_e=3.0),),
        measures=(*sample.result.measures, Measure(name=EVIL, value=1.0)),
    )
    reason = Reason(subject=EVIL, met=True, detail=EVIL)
    decision = Decision(
        stream=EVIL, window=SHOWN, rule=EVIL, action=Action.ALERT, reasons=(reason,), at=evil.last_seen_at, policy="p"
    )
    run = replace(sample.runs[0], spec=replace(sample.runs[0].spec, id=EVIL, rule=EVIL))  # type: ignore[arg-type]
    for page in (
        incident_page(evil, decisions=[decision], runs=[run], report=f"/{EVIL}", budget=EVIL, base=f"/{EVIL}"),
        window_page(evil, report=f"/{EVIL}", incident=f"/{EVIL}"),
    ):
        tree = Tree(page)
        assert not {"script", "img"} & set(tree.tags)
        assert not [name for name, _ in tree.attributes if name.startswith("on")]
        assert tree.text.count("<script>alert(1)</script>") >= 8
        page.encode()


@pytest.mark.parametrize(
    "gone",
    [
        {"map": None},
        {"clusters": ()},
        {"clusters": (), "map": None},
        {"words": ()},
        {"slices": ()},
        {"channels": ()},
        {"exemplars": ()},
        {"onset": None},
        {"champion": None, "measures": ()},
        {"state": None},
        dict.fromkeys(("clusters", "words", "slices", "channels", "exemplars", "measures"), ())
        | {"map": None, "onset": None, "state": None, "champion": None},
    ],
)
def test_it_stands_whatever_is_missing(gone: dict[str, object]) -> None:
    result = replace(incident().result, **gone)  # type: ignore[arg-type]
    assert set(gone) <= {each.name for each in fields(WindowResult)}
    for page in (incident_page(result), whole(result), window_page(result)):
        text = Tree(page).text
        assert "None" not in text
        assert "nan" not in text.split()


def test_texts_that_retention_took_leave_the_figures() -> None:
    sample = incident().result
    bare = replace(sample, exemplars=(), clusters=tuple(replace(each, exemplars=()) for each in sample.clusters))
    page = whole(bare)
    assert "<blockquote" not in page
    assert sample.clusters[0].keywords[0] in page


def test_a_map_that_names_clusters_there_are_not_is_still_drawn() -> None:
    odd = DriftMap(reference=((-3.0, 7.0),), window=((0.5, 0.5), (float(2), 0.1)), clusters=(99, -1))
    page = incident_page(replace(incident().result, clusters=(), map=odd))
    assert "Map of 1 texts of the reference and 2 of this window" in page
    assert "this window</li>" in page


def test_a_mark_is_shown_escaped_and_without_one_the_command_that_makes_it() -> None:
    sample = incident()
    mark = Mark(stream="docs", window=17, false=True, note=EVIL, who=EVIL, at=datetime(2026, 11, 2, 12, tzinfo=UTC))
    marked = incident_page(sample.result, mark=mark)
    assert "<script" not in marked
    assert "<img" not in marked
    assert "Marked false by &lt;script&gt;" in marked
    assert 'on <time datetime="2026-11-02T12:00:00+00:00">' in marked
    assert "alarm mark" not in marked
    assert "Marked true by ann on" in incident_page(sample.result, mark=replace(mark, false=False, note="", who="ann"))
    command = f"driftwatch alarm mark docs {sample.result.index} --false"
    assert command in incident_page(sample.result)
    assert "alarm mark" not in incident_page(quiet())


@pytest.mark.parametrize("state", [*DriftState, None])
def test_every_state_has_its_sentence(state: DriftState | None) -> None:
    said = verdict(replace(incident().result, state=state))
    assert said
    assert not said.endswith(".")
    assert said in Tree(whole(replace(incident().result, state=state))).text


def test_drift_without_a_model_does_not_say_that_one_copes() -> None:
    result = replace(incident().result, state=DriftState.BENIGN_DRIFT, champion=None, measures=())
    for page in (incident_page(result), window_page(result)):
        assert "copes" not in page
        assert "Benign" not in page
        assert '<span class="badge warn">Drift, no model scored</span>' in page
    scored = replace(result, measures=(Measure(name="loss.increase", value=0.01),))
    assert '<span class="badge warn">Benign drift</span>' in incident_page(scored)


def test_a_loss_within_its_interval_is_not_called_a_rise() -> None:
    text = Tree(incident_page(quiet())).text
    assert "cannot be told from its baseline" in text
    assert "Stable" in text


def test_a_map_without_a_cluster_says_that_none_moved() -> None:
    sample = incident().result
    assert sample.map is not None
    with_clusters, without = (Tree(incident_page(each)).text for each in (sample, replace(sample, clusters=())))
    none = "No group of alike texts grew or shrank beyond chance."
    assert none in without
    assert none not in with_clusters
    assert ("elsewhere" in with_clusters, "this window, elsewhere" in without) == (True, False)
    assert none not in Tree(incident_page(replace(sample, clusters=(), map=None))).text, "nothing is drawn, none said"


def test_too_little_data_is_no_all_clear() -> None:
    page = incident_page(too_little())
    text = Tree(page).text
    assert "22 distinct texts cannot show whether anything changed" in text
    assert "No word rose or fell" not in text
    assert "Stable" not in text


def test_the_alarm_is_marked_where_its_streak_began_in_whatever_order_history_comes() -> None:
    sample = incident()
    pages = [
        incident_page(sample.result, history=history)
        for history in (sample.history, sample.history[::-1], [*sample.history, *sample.history])
    ]
    assert len(set(pages)) == 1
    assert f"alarm, window {ALARM}" in pages[0]
    assert pages[0].count('<circle class="dot out"') == len(sample.history) - ALARM


def test_windows_without_a_measure_part_the_line() -> None:
    sample = incident()
    holed = [replace(each, measures=()) if each.index == 5 else each for each in sample.history]
    assert whole().count('<polyline class="line"') == 2
    assert incident_page(sample.result, history=holed).count('<polyline class="line"') == 4


def test_infinite_evidence_and_odd_figures_do_not_break_a_chart() -> None:
    sample = incident()
    odd = [
        replace(each, measures=(Measure(name="drift.evidence", value=value),))
        for each, value in zip(sample.history, [float("inf"), -1e300, 1e300, 0.0], strict=False)
    ]
    page = incident_page(sample.result, history=odd)
    assert "inf" not in re.findall(r'c[xy]="([^"]*)"', page)
    Tree(page)


def test_infinite_measures_are_told() -> None:
    inf = float("inf")
    odd = (
        Measure(name="drift.onset_age", value=inf),
        Measure(name="tokens.jsd", value=inf, null_low=0.0, null_high=1.0),
        Measure(name="loss.increase", value=inf),
    )
    assert "inf" in Tree(incident_page(replace(quiet(), measures=odd))).text


def test_windows_at_one_moment_are_told_by_their_numbers() -> None:
    sample = incident()
    at = sample.result.last_seen_at
    same = [replace(each, first_seen_at=at, last_seen_at=at) for each in sample.history]
    assert "window 0</text>" in incident_page(same[SHOWN], history=same)


def test_other_streams_windows_are_left_out() -> None:
    sample = incident()
    others = [replace(each, stream="other") for each in sample.history]
    assert "Since when" not in heads(incident_page(sample.result, history=others))


def test_decisions_elsewhere_are_shown_only_where_they_acted() -> None:
    text = Tree(whole()).text
    assert "787 fresh texts" not in text
    assert "1287 fresh texts, 1000 are needed" in text


def test_links_lead_to_the_daemon_wherever_the_page_lies() -> None:
    sample = incident()
    page = incident_page(sample.result, runs=sample.runs, report="https://x/r", base="http://127.0.0.1:9478")
    assert 'href="http://127.0.0.1:9478/streams/docs/windows/19"' in page
    assert 'href="http://127.0.0.1:9478/runs/docs-w0000019-retrain-on-harm"' in page
    assert 'href="https://x/r"' in page
    assert "driftwatch report docs 19" not in page


def test_the_window_page_names_every_measure_and_links_to_the_incident() -> None:
    page = window_page(incident().result, incident="/streams/docs/incidents/19")
    assert 'href="/streams/docs/incidents/19"' in page
    for name in incident().result.measures:
        assert NAMES[name.name][0] in Tree(page).text


@pytest.mark.parametrize("unit", [LossUnit.MASKED_TOKEN, LossUnit.LABELLED_TEXT])
def test_losses_are_told_in_their_own_unit(unit: LossUnit) -> None:
    sample = incident()
    told, history = replace(sample.result, loss_unit=unit), [replace(each, loss_unit=unit) for each in sample.history]
    for page in (incident_page(told, history=history), window_page(told)):
        text = Tree(page).text
        assert unit.words in text
        assert "nats per token" not in text
    assert "perplexity ×" not in Tree(incident_page(told, history=history)).text
    assert any(unit in line for line in account(told))


def test_a_file_compared_on_its_own_is_judged_by_its_p_value_whatever_the_state() -> None:
    alone = replace(incident().result, state=DriftState.STABLE)
    assert "has drifted from the reference (p = 0.001)" in window_page(alone, alpha=0.001)
    assert "looks like the reference" in window_page(alone, alpha=0.0001)
    assert "No alarm: some of this window differs from the reference" in window_page(alone)


def test_a_stable_window_in_which_nothing_differs_says_so() -> None:
    sample = incident().result
    measures = tuple(each for each in sample.measures if each.name != "drift.new_share" and each.null_low is None)
    quiet = replace(sample, state=DriftState.STABLE, clusters=(), words=(), measures=measures)
    assert "Nothing changed beyond chance" in window_page(quiet)
    assert "No alarm: some" in window_page(replace(quiet, words=sample.words))


@pytest.mark.parametrize(("value", "said"), [(0.028, False), (0.031, True), (-0.021, True)])
def test_a_measure_far_outside_its_band_is_told_though_no_alarm_is_raised(value: float, said: bool) -> None:
    sample = incident().result
    jsd = Measure(name="tokens.jsd", value=value, null_low=-0.001, null_high=0.014)
    quiet = replace(sample, state=DriftState.STABLE, clusters=(), words=(), measures=(jsd,))
    told = Tree(window_page(quiet)).text
    assert ("Nothing changed beyond chance" in told) is not said
    assert ("Far from where it lies without drift: token divergence" in told) is said
    drifted = Tree(window_page(replace(quiet, state=DriftState.HARMFUL_DRIFT))).text
    assert "Far from where" not in drifted, "then that is no news"


def test_the_same_values_give_the_same_page() -> None:
    assert whole() == whole()


def test_making_pages_loads_nothing_heavy() -> None:
    program = (
        "import sys, driftwatch.drift.incident, driftwatch.drift.page; "
        "print(sorted({'numpy', 'scipy', 'sklearn', 'torch', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_moments_of_any_offset_are_told_in_utc() -> None:
    at = datetime(2026, 11, 2, 13, 8, tzinfo=timezone(timedelta(hours=2)))
    page = incident_page(replace(quiet(), first_seen_at=at, last_seen_at=at.astimezone(UTC)))
    assert "2 Nov 2026, 11:08 UTC" in page
    assert "13:08" not in Tree(page).text


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        (RunState.TRAINING, "is training"),
        (RunState.AWAITING_APPROVAL, "is awaiting approval"),
        (RunState.PROBATION, "is in probation"),
        (RunState.FAILED, "has failed"),
        (RunState.ROLLED_BACK, "is rolled back"),
    ],
)
def test_where_a_run_stands_is_said_in_words(state: RunState, stands: str) -> None:
    sample = incident()
    runs = [replace(run, state=state) for run in sample.runs]
    page = incident_page(sample.result, decisions=sample.decisions, runs=runs)
    assert f"{runs[-1].spec.id} {stands}." in Tree(page).text
