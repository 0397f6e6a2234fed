"""Policies tested by cases: the shipped ones hold, what differs is shown where it is expected, mistakes are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from driftwatch.policy.cases import SUFFIXES, read_cases, try_cases
from driftwatch.policy.cases.series import parse_series
from driftwatch.policy.mistakes import ExpressionError, MistakesError
from driftwatch.policy.rules import load_policies
from driftwatch.policy.variables import VARIABLES

FOLDER = Path(__file__).parents[2] / "policies"
SHIPPED = sorted(FOLDER.glob("*.test.yaml"))
RECIPES = ("small", "thorough", "full", "lora-small")

POLICY = """\
stream: [docs]
rules:
  - name: tell
    when: loss.increase > 0.05
    for: 2 windows
    do: alert
    labels: {severity: page}
    annotations: {summary: "up by {{ loss.increase }}"}
  - {name: learn, when: drift.alarm, do: retrain, recipe: small, need: {fresh_texts: 1000}, limits: {cooldown: 3h}}
"""
CASES = """\
policy: p.yaml
tests:
  - name: up
    series:
      loss.increase: 0 x2 0.1 x3
      drift.alarm: false
    acts:
      tell: [3]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY)
    return tmp_path


def failures(folder: Path, cases: str) -> list[str]:
    path = folder / "p.test.yaml"
    path.write_text(cases)
    return [
        str(failure.mistake).replace(f"{folder}/", "")
        for tried in try_cases(read_cases(path, recipes=RECIPES))
        for failure in tried.failures
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_policies_do_what_their_cases_say(path: Path) -> None:
    tried = try_cases(read_cases(path, recipes=RECIPES))
    assert tried
    assert [str(failure.mistake) for each in tried for failure in each.failures] == []


def test_the_manual_s_example_comes_out_as_it_says(folder: Path) -> None:
    manual = (FOLDER.parent / "docs" / "policies.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    (cases,) = [each for each in examples if "\ntests:" in each]
    (folder / "support.yaml").write_text(next(each for each in examples if "\nrules:" in each))
    assert failures(folder, cases) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_rule_of_a_shipped_policy_acts_in_some_case(path: Path) -> None:
    cases = read_cases(path, recipes=RECIPES)
    acting = {name for case in cases.file.tests for name, windows in (case.acts or {}).items() if windows}
    assert acting == {rule.name for rule in cases.policy.of(cases.stream)}


def test_every_shipped_policy_has_cases() -> None:
    policies = {path.name.removesuffix(".yaml") for path in FOLDER.glob("*.yaml") if not path.name.endswith(SUFFIXES)}
    assert {path.name.removesuffix(".test.yaml") for path in SHIPPED} == policies


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("0x3", "loss.increase", (0.0, 0.0, 0.0)),
        ("0 x3", "loss.increase", (0.0, 0.0, 0.0)),
        ("1 2.5 -3", "loss.increase", (1.0, 2.5, -3.0)),
        ("0.2+0.05x5 _ 1", "loss.increase", (0.2, 0.25, 0.3, 0.35, 0.4, None, 1.0)),
        ("1-0.5 x3", "loss.increase", (1.0, 0.5, 0.0)),
        ("1e-3 x2", "embedding.mmd_p", (0.001, 0.001)),
        ("_ x2 _", "loss.increase", (None, None, None)),
        ("false x2 true", "drift.alarm", (0.0, 0.0, 1.0)),
        ("stable harmful-drift x2", "drift.state", ("stable", "harmful-drift", "harmful-drift")),
        ("10+5 x3", "feedback.n", (10, 15, 20)),
    ],
)
def test_series_are_written_in_a_line(text: str, name: str, values: tuple[object, ...]) -> None:
    assert parse_series(text, VARIABLES[name]) == values


@pytest.mark.parametrize(
    ("text", "name", "column", "says"),
    [
        ("0 x3 a/b", "loss.increase", 6, '"a/b" is no value'),
        ("0 x0", "loss.increase", 1, "1 to 10,000 windows"),
        ("0 x999999", "loss.increase", 1, "1 to 10,000 windows"),
        ("0 x9999 0 x2", "loss.increase", 9, "1 to 10,000 windows"),
        ("  ", "loss.increase", 1, "there is no value"),
        ("true", "loss.increase", 1, "never the value of loss.increase"),
        ("1 x3", "drift.alarm", 1, "drift.alarm is no number"),
        ("true ture", "drift.alarm", 6, 'did you mean "true"'),
        ("harmful", "drift.state", 1, 'did you mean "harmful-drift"'),
        ("0.5", "feedback.n", 1, "a whole number"),
        ("1x3x4", "loss.increase", 1, "is no value"),
        ("nan", "loss.increase", 1, "never the value"),
    ],
)
def test_a_series_that_cannot_be_read_is_told(text: str, name: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionError) as told:
        parse_series(text, VARIABLES[name])
    assert says in f"{told.value.what} ({told.value.cure})"
    assert told.value.column == column


def test_what_comes_out_as_expected_fails_nothing(folder: Path) -> None:
    assert failures(folder, CASES) == []


def test_an_action_on_another_window_is_shown_where_it_is_expected(folder: Path) -> None:
    (told,) = failures(folder, CASES.replace("[3]", "[2, 3]"))
    what = "rule tell must act on windows 2, 3, and acts on window 3; on window 2 it decides hold"
    assert told.splitlines()[0] == f"p.test.yaml:8:7: {what}"
    assert "    8 |       tell: [2, 3]\n      |       ^" in told


def test_a_rule_that_is_not_named_must_not_act(folder: Path) -> None:
    (told,) = failures(folder, CASES.replace("drift.alarm: false", "drift.alarm: false x3 true x2"))
    assert "p.test.yaml:7:5: rule learn must act on no window, and acts on window 4" in told


EXPECTED = CASES + "    expect:\n      - {at: AT, rule: RULE, KEY}\n"


@pytest.mark.parametrize(
    ("at", "rule", "key", "says"),
    [
        ("window 3", "tell", "action: alert", None),
        ("3h", "tell", "action: alert", None),
        ("3", "tell", "met: [when, for], unmet: []", None),
        ("window 4", "tell", "unmet: [streak], says: already alerted", None),
        ("window 3", "tell", 'alert: {summary: "up by 0.1", labels: {severity: page}}', None),
        ("window 2", "tell", "action: alert", "window 2, rule tell: expected alert, decided hold"),
        ("window 2", "tell", "met: [for]", "expected for to be met, but it is not met"),
        ("window 2", "tell", "unmet: [when]", "expected when to be unmet, but it is met"),
        ("window 0", "tell", "met: [limits.cooldown]", "but it was not looked at"),
        ("window 3", "tell", "says: not measured", 'no reason says "not measured"'),
        ("window 2", "tell", "alert: {summary: up}", "the rule does not act, so there are no words"),
        ("window 3", "tell", "alert: {summary: up}", 'summary must be "up", and is "up by 0.1'),
        ("window 3", "tell", "alert: {annotations: {runbook: there}}", 'runbook must be "there", and is missing'),
    ],
)
def test_one_decision_is_held_against_what_is_expected(
    folder: Path, at: str, rule: str, key: str, says: str | None
) -> None:
    told = failures(folder, EXPECTED.replace("AT", at).replace("RULE", rule).replace("KEY", key))
    if says is None:
        assert told == []
    else:
        assert len(told) == 1
        assert says in told[0]
        assert told[0].startswith("p.test.yaml:10:")


RUNS = """\
policy: p.yaml
tests:
  - name: runs
    series: {drift.alarm: true x12}
    runs: [RUN]
    acts: {learn: [ON]}
"""


@pytest.mark.parametrize(
    ("run", "acts"),
    [
        ("", "1, 4, 7, 10"),
        ("{rule: learn, lasts: 2h}", "1, 6, 11"),
        ("{rule: learn, lasts: 300h}", "1"),
        ("{ago: 1h, lasts: 5h}", "7, 10"),
        ("{ago: 100d, lasts: 5h}", "1, 4, 7, 10"),
        ("{rule: learn, lasts: 90m, promoted: true}", "1, 6, 11"),
    ],
)
def test_runs_take_their_time(folder: Path, run: str, acts: str) -> None:
    assert failures(folder, RUNS.replace("RUN", run).replace("ON", acts)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("policy: p.yaml", "policies: p.yaml"), 'p.test.yaml:1:1: unknown key "policies" (did you mean "policy"?)'),
        (("policy: p.yaml", "policy: none.yaml"), "none.yaml: cannot be read"),
        (("name: up", "name: up\n    serie: {}"), 'p.test.yaml:4:5: unknown key "serie" (did you mean "series"?)'),
        (("    series:", "    interval: 0h\n    series:"), "p.test.yaml:4:15: some time passes between two windows"),
        (("    series:", "    start: soon\n    series:"), "p.test.yaml:4:12: write a date"),
        (("    series:", "    champion: some\n    series:"), "p.test.yaml:4:15: "),
        (("loss.increase: 0 x2", "loss.increse: 0 x2"), 'p.test.yaml:5:7: there is no variable "loss.increse"'),
        (("loss.increase: 0 x2", "champion.age: 0 x2"), "write champion: beside series, such as champion: 30d"),
        (("0 x2 0.1 x3", "0 x2 0,1 x3"), 'p.test.yaml:5:27: "0,1" is no value'),
        (("0 x2 0.1 x3", "[0, 1]"), "p.test.yaml:5:22: write values with a space between"),
        (("tell: [3]", "tel: [3]"), 'stream docs has no rule "tel" (did you mean "tell"?)'),
        (("tell: [3]", "tell: [5]"), "p.test.yaml:8:14: there is no window 5 (the case has 5 windows, 0 to 4)"),
        (("tell: [3]", "tell: [99d]"), "there is no window"),
        (("tell: [3]", "tell: [-1]"), 'write "window 12", counted from 0'),
        (("    acts:\n      tell: [3]\n", ""), "p.test.yaml:3:5: this case expects nothing"),
        (("tests:", "tests: []\nothers:"), "p.test.yaml:"),
        ((CASES, ""), "the file is empty"),
        ((CASES, POLICY), "these are rules, no cases (write them into a file beside it, such as p.test.test.yaml)"),
        ((CASES, "a: &a 1\nb: *a\n"), "aliases are not used"),
    ],
)
def test_a_file_of_cases_that_cannot_be_used_is_told(folder: Path, change: tuple[str, str], says: str) -> None:
    path = folder / "p.test.yaml"
    path.write_text(CASES.replace(*change))
    with pytest.raises(MistakesError) as told:
        read_cases(path, recipes=RECIPES)
    assert says in str(told.value).replace(f"{folder}/", "")


def test_a_mistake_in_the_policy_is_told_at_its_place(folder: Path) -> None:
    (folder / "p.yaml").write_text(POLICY.replace("loss.increase >", "loss.increse >"))
    path = folder / "p.test.yaml"
    path.write_text(CASES)
    with pytest.raises(MistakesError, match=r'p\.yaml:4:11: unknown variable "loss.increse"'):
        read_cases(path, recipes=RECIPES)


def test_cases_are_no_policies(folder: Path) -> None:
    (folder / "p.test.yaml").write_text(CASES)
    with pytest.raises(MistakesError, match="these are cases, no rules"):
        load_policies([folder / "p.test.yaml"], streams=["docs"], recipes=RECIPES)
