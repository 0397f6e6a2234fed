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
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "driftwatch.rules.yml").read_text())["groups"]
    for rule in group["rules"]
}
TESTS = yaml.safe_load((FOLDER / "driftwatch.rules.test.yml").read_text())["tests"]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


@needs_promtool
def test_the_rules_behave_as_their_cases_say() -> None:
    tested = promtool("test", "rules", "driftwatch.rules.test.yml")
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
    assert "## What it means" in page
    assert "## What to do" in page
    assert annotations["summary"]
    assert annotations["description"]
    assert labels["severity"] in {"ticket", "page"}


def test_no_runbook_without_its_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("Driftwatch*.md")} == RULES.keys()


@pytest.mark.parametrize("alert", sorted(RULES))
def test_expressions_name_only_what_is_exported(alert: str) -> None:
    expression = RULES[alert]["expr"]
    promql_parser.parse(expression)
    assert set(re.findall(r"driftwatch_[a-z0-9_]+", expression)) <= {family.name for family in FAMILIES}


def test_a_daemon_that_is_gone_raises_an_alert_of_its_own() -> None:
    assert "absent(up" in RULES["DriftwatchDown"]["expr"]
