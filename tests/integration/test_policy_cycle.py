"""Rules in a real step: figures in words, a report asked for, a run bounded by what its limits leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from promoted import STREAM, WINDOW, Stream, production, stream_in

from driftwatch import wiring
from driftwatch.alert import messages
from driftwatch.cycle import Progressed
from driftwatch.domain.decision import RunFact
from driftwatch.domain.run import RunState
from driftwatch.policy.rules import parse_policies
from driftwatch.retrain.recipe import builtin_recipes

RULES = """\
stream: '*'
rules:
  - name: look
    when: window.texts > 0
    do: report
    annotations: {summary: "{{ window.texts }} texts of {{ stream }}, loss {{ loss.nats | hundredths }}"}
  - name: tell
    when: window.texts > 0
    do: alert
    labels: {severity: info, known: "{{ drift.state }}"}
    annotations: {summary: "{{ tokens.jsd | percent }} since window {{ window }}", hint: "{{ runs.count_30d }} runs"}
  - name: learn
    when: window.texts > 0
    do: retrain
    recipe: small
    need: {fresh_texts: 1}
    limits: {cooldown: 0s, gpu_hours: 7.5 per 30d, runs: 1 per 30d}
    labels: {severity: page, team: nlp}
    annotations: {summary: The model learns, runbook_url: "https://example.org/{{ stream }}"}
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return stream_in(tmp_path_factory.mktemp("policy") / "here")


def test_a_step_by_rules_that_use_the_whole_language(stream: Stream) -> None:
    store = stream.begin()
    recipes = builtin_recipes()
    found = parse_policies({"p.yaml": RULES}, streams=[STREAM], recipes=tuple(recipes))
    policy = replace(found, recipes=recipes)
    texts = production(WINDOW, start=0)
    store.texts.take_in(STREAM, source="file", texts=texts, cursor=None, counts={})
    assert stream.cycle(store, policy).step() is Progressed.ASSESSED
    result = store.windows.result(STREAM, 0)
    assert result is not None
    loss = result.value("loss.nats")
    told = {d.alert.name: d.alert for d in store.outbox.due(wiring.CLOCK.now() + timedelta(days=1), limit=10)}
    report, alert = told["WindowReport"], next(each for each in told.values() if each.labels.get("known"))
    assert report.summary == f"{WINDOW} texts of {STREAM}, loss {loss:.2f}"
    assert report.annotations["report"] == f"/streams/{STREAM}/windows/0/report"
    assert alert.labels["known"] == str(result.state)
    assert alert.annotations["hint"] == "0 runs"
    assert alert.summary.endswith("since window 0")
    (run,) = store.runs.list(stream=STREAM)
    assert run.spec.max_hours == 7.5
    (failed,) = messages.for_transition(run, to=RunState.FAILED, reason="out of memory", at=wiring.CLOCK.now())
    assert (failed.severity, failed.labels) == ("ticket", {"team": "nlp", "rule": "learn"})
    assert failed.annotations == {"runbook_url": f"https://example.org/{STREAM}", "run": f"/runs/{STREAM}-w0000000"}
    assert failed.summary == f"{STREAM}: a retraining failed"
    facts = store.runs.facts(STREAM, since=wiring.CLOCK.now() - timedelta(days=30))
    assert facts == (RunFact(rule="learn", began_at=run.created_at, ended_at=None, training_hours=0.0),)
    bodies = [text.body for text in texts]
    assert not any(
        body in text for body in bodies for each in told.values() for text in (each.description, each.summary)
    )
    store.close()
