from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from driftwatch.metrics import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana" / "prometheus"
WRITTEN = [
    rule for group in yaml.safe_load((FOLDER / "driftwatch.rules.yml").read_text())["groups"] for rule in group["rules"]
]
RULES = {rule["alert"]: rule for rule in WRITTEN if "alert" in rule}
RECORDS = {rule["record"]: rule for rule in WRITTEN if "record" in rule}
CASES = ("driftwatch.rules.test.yml", "driftwatch.days.test.yml")
TESTS = [case for name in CASES for case in yaml.safe_load((FOLDER / name).read_text())["tests"]]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


@needs_promtool
@pytest.mark.parametrize("cases", CASES)
def test_the_rules_behave_as_their_cases_say(cases: str) -> None:
    tested = promtool("test", "rules", cases)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
def test_promtool_finds_nothing_to_say_about_rules_and_configuration() -> None:
    for arguments in (
        ("check", "rules", "--lint=all", "--lint-fatal", "driftwatch.rules.yml"),
        ("check", "config", "prometheus.yml"),
    ):
        checked = promtool(*arguments)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_seen_to_fire_and_to_keep_quiet() -> None:
    checks = [check for case in TESTS for check in case["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == RULES.keys()
    assert {check["alertname"] for check in checks if not check["exp_alerts"]} == RULES.keys()


@pytest.mark.parametrize("alert", sorted(RULES))
def test_every_alert_has_its_runbook_and_words(alert: str) -> None:
    annotations, labels = RULES[alert]["annotations"], RULES[alert]["labels"]
    assert annotations["runbook"] == f"docs/runbooks/{alert}.md"
    page = (ROOT / annotations["runbook"]).read_text()
    assert page.startswith(f"# {alert}\n")
    parts = re.findall("^## (.+)\n(.+)", page, re.MULTILINE)
    assert [title for title, _ in parts] == ["What it means", "What to look at", "What to do"]
    assert annotations["summary"]
    assert annotations["description"]
    assert labels["severity"] in {"ticket", "page"}


def test_no_runbook_without_its_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("Driftwatch*.md")} == RULES.keys()


@pytest.mark.parametrize("rule", WRITTEN, ids=lambda rule: rule.get("alert") or rule["record"])
def test_expressions_name_only_what_is_exported_or_recorded(rule: dict[str, str]) -> None:
    expression = rule["expr"]
    promql_parser.parse(expression)
    records = set(re.findall(r"[a-z]+:driftwatch_[a-z0-9_:]+", expression))
    assert records <= RECORDS.keys()
    for record in records:
        expression = expression.replace(record, "")
    histograms = {f"{family.name}_{end}" for family in FAMILIES for end in ("bucket", "sum", "count")}
    known = {family.name for family in FAMILIES} | histograms
    assert set(re.findall(r"driftwatch_[a-z0-9_]+", expression)) <= known


@pytest.mark.parametrize("alert", sorted(RULES))
def test_one_missed_scrape_hides_no_alert(alert: str) -> None:
    """Every selector looks at a range, or is a record or a comparison's other side that does."""
    expression = re.sub(r"\((?:[^()]|\([^()]*\))*\)\[[^\]]*:[^\]]*\]", "", RULES[alert]["expr"])  # a range of its own
    bare = re.findall(r"(?<![a-z:])driftwatch_[a-z0-9_]+(?:\{[^}]*\})?(?!\[|[a-z0-9_:{])", expression)
    assert bare == [] or alert == "DriftwatchMetricsMissing", bare


def test_a_daemon_that_is_gone_raises_an_alert_of_its_own() -> None:
    assert "absent(up" in RULES["DriftwatchDown"]["expr"]
