"""The schema that editors read: checked in, held equal, true of what is shipped, and named by every file."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from driftwatch.policy.forms import json_schema

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = [path for path in sorted(POLICIES.glob("*.yaml")) if ".test." not in path.name]
FULL = """\
stream: [support]
rules:
  - name: a
    when: drift.alarm
    for: 3 windows
    clear: 6h
    unless: [b]
    do: retrain
    priority: 10
    recipe: small
    limits:
      cooldown: 1d
      runs: 4 per 30d
      gpu_hours: 20.5 per 30d
      hours: ["22:00-06:00 UTC", "Sat,Sun 00:00-24:00 Europe/Berlin"]
      blackout: ["2026-12-24..2027-01-02"]
      concurrency: 2
    labels: {severity: page}
  - {name: b, when: drift.alarm, do: report, limits: {hours: "22:00-06:00 UTC"}}
"""


def test_the_checked_in_schema_is_what_the_forms_say() -> None:
    written = (POLICIES / "policy.schema.json").read_text(encoding="utf-8")
    assert written == json_schema(), "driftwatch policy schema > policies/policy.schema.json"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.stem)
def test_shipped_policies_name_the_schema_and_hold_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=policy.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(json_schema()))


def test_every_field_of_the_language_is_in_it() -> None:
    jsonschema.validate(yaml.safe_load(FULL), json.loads(json_schema()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("priority", "prioritty"),
        ("do: report", "do: launch"),
        ("4 per 30d", "four"),
        ("for: 3 windows", "for: soon"),
        ("concurrency: 2", "concurrency: 0"),
        ("recipe: small", "recpe: small"),
    ],
)
def test_mistakes_are_found_by_editors(old: str, new: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(FULL.replace(old, new)), json.loads(json_schema()))


def test_every_field_of_a_rule_is_explained() -> None:
    schema = json.loads(json_schema())["$defs"]
    plain = {"name", "do"}
    for form in ("AlertRule", "ReportRule", "RetrainRule"):
        for name, field in schema[form]["properties"].items():
            assert name in plain or "description" in field or "$ref" in field or "anyOf" in field, (form, name)
