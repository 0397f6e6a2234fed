"""``docs/configuration.md`` is what the settings say of themselves; run this file to write it anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from driftwatch.alert.settings import AlertmanagerSettings, AppriseSettings, WebhookSettings
from driftwatch.config import Config, DaemonSettings, ReferenceSettings, RetentionSettings, StreamSettings, load_config
from driftwatch.config.settings import TokenSettings
from driftwatch.domain.rights import Right
from driftwatch.domain.units import format_duration
from driftwatch.drift.drills.settings import DrillSettings
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.features.encoder import EncoderSettings
from driftwatch.intake.file import FileSettings
from driftwatch.intake.folder import FolderSettings
from driftwatch.intake.http import HttpSettings
from driftwatch.intake.kafka import KafkaSettings
from driftwatch.intake.otlp import OtlpSettings
from driftwatch.intake.record_fields import RecordFields
from driftwatch.intake.redact import RedactSettings
from driftwatch.intake.redis_streams import RedisSettings
from driftwatch.intake.sampler import SampleSettings
from driftwatch.intake.sql import SqlSettings
from driftwatch.intake.tap import TapSettings
from driftwatch.retrain.collect.settings import CollectSettings
from driftwatch.retrain.export import HubSettings, MlflowSettings
from driftwatch.retrain.health import CheckSettings
from driftwatch.retrain.launchers import RaySettings, RetrainSettings
from driftwatch.retrain.reload import ReloadSettings
from driftwatch.retrain.retention import ModelSettings
from driftwatch.retrain.vllm import VllmSettings

FILE = Path(__file__).parents[2] / "docs" / "configuration.md"
TABLES: Mapping[str, tuple[type, str]] = {
    "Top of the file": (Config, ""),
    "[daemon]": (DaemonSettings, "Who may ask for what: [http.md](http.md#who-may-ask)."),
    "[daemon.tokens.NAME]": (TokenSettings, "One section a token; one of `secret` and `sha256` is needed."),
    "[alerts.alertmanager]": (AlertmanagerSettings, "Left out, no Alertmanager is told."),
    "[alerts.webhook]": (WebhookSettings, "Left out, no webhook is told."),
    "[alerts.apprise.NAME]": (
        AppriseSettings,
        "One section a service (extra `apprise`); what waits for one comes in one message. See [alerts.md](alerts.md).",
    ),
    "[retrain]": (RetrainSettings, "See [launchers.md](launchers.md)."),
    "[retrain.ray]": (RaySettings, "See [launchers.md](launchers.md)."),
    "[streams.NAME]": (StreamSettings, "At least one. NAME has lower-case letters, digits and dashes."),
    "[streams.NAME.evidence]": (EvidenceSettings, "See [statistics.md](statistics.md)."),
    "[streams.NAME.encoder]": (EncoderSettings, ""),
    "[streams.NAME.reference]": (ReferenceSettings, ""),
    '[[streams.NAME.sources]] with type = "file"': (FileSettings, ""),
    '[[streams.NAME.sources]] with type = "http"': (HttpSettings, "See [http.md](http.md) for what is posted."),
    '[[streams.NAME.sources]] with type = "folder"': (FolderSettings, "See [sources.md](sources.md)."),
    '[[streams.NAME.sources]] with type = "sql"': (SqlSettings, "See [sources.md](sources.md)."),
    '[[streams.NAME.sources]] with type = "redis"': (RedisSettings, "See [sources.md](sources.md)."),
    '[[streams.NAME.sources]] with type = "kafka"': (KafkaSettings, "See [sources.md](sources.md)."),
    '[[streams.NAME.sources]] with type = "otlp"': (OtlpSettings, "See [sources.md](sources.md)."),
    '[[streams.NAME.sources]] with type = "tap"': (TapSettings, "See [sources.md](sources.md)."),
    "[streams.NAME.sample]": (SampleSettings, ""),
    "[streams.NAME.redact]": (
        RedactSettings,
        'In short: `redact = false` stores texts as they are, `redact = ["email"]` names the kinds.',
    ),
    "[streams.NAME.retention]": (RetentionSettings, "`age` and `texts` hold at once; for no limit write a large one."),
    "[streams.NAME.collect]": (
        CollectSettings,
        "Limits on a run's fresh texts; a share is of those that the run can use. See [collecting.md](collecting.md).",
    ),
    "[streams.NAME.models]": (ModelSettings, ""),
    "[streams.NAME.reload]": (ReloadSettings, "See [serving.md](serving.md)."),
    "[streams.NAME.reload.check]": (CheckSettings, "Left out, nothing is checked and hooks that fail are only told."),
    "[streams.NAME.reload.vllm]": (VllmSettings, "Left out, no vLLM server is told."),
    "[streams.NAME.export.mlflow]": (MlflowSettings, "Left out, no MLflow registry gets the kept models."),
    "[streams.NAME.export.hub]": (HubSettings, "Left out, no hub gets the kept models."),
    "[[streams.NAME.drills]]": (DrillSettings, "See [statistics.md](statistics.md)."),
}
HEAD = """\
# Configuration

`driftwatch.toml` says what is watched and what it is compared with. `driftwatch init` writes a commented one, and
`driftwatch check` names every mistake by file, line and column; unknown keys are errors. Relative paths begin at the
file's own folder. Durations are in words (`30s`, `24h`, `30d`, `1h 30m`), and so are sizes (`64 KiB`, `2 GiB`).
The environment variable `DRIFTWATCH_CONFIG` names the file, `DRIFTWATCH_STATE_DIR` takes the place of `state_dir`.
Secrets never stand in the file: `env:NAME`, `file:PATH` and `credential:NAME` (systemd) say where they are.
"""


def document() -> str:
    return HEAD + "".join(_section(title, *table) for title, table in TABLES.items())


def _section(title: str, table: type, note: str) -> str:
    heading = title if " file" in title and "[" not in title else f"`{title}`"
    meanings, hints = _meanings(table), get_type_hints(table)
    lines = [
        f"| `{each.name}` | {_kind(hints[each.name], each.name)} | {_default(each)} | {meanings[each.name]} |"
        for each in _in_order(table)
        if each.name in meanings and each.name not in _left_out(table) and not _is_table(each, hints[each.name])
    ]
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    parts = [f"\n## {heading}\n", *([f"{note}\n"] if note else []), "\n".join([*head, *lines]) + "\n"]
    return "\n".join(parts)


def _in_order(table: type) -> list[Field[Any]]:
    """Return a table's keys: of a source first where it reads, then what its records look like, then its name."""
    inherited = {each.name for each in fields(RecordFields)} if issubclass(table, RecordFields) else set()
    of_record, rest = ([each for each in fields(table) if (each.name in inherited) is what] for what in (True, False))
    return [*rest[:-1], *of_record, *rest[-1:]]


def _is_table(each: Field[Any], hint: Any) -> bool:
    kinds = get_args(hint) if NoneType in get_args(hint) else (hint,)
    return (
        any(is_dataclass(kind) for kind in kinds)
        or each.name in ("sources", "tokens", "apprise")
        or (get_origin(hint) is Mapping and each.name == "streams")
    )


def _left_out(table: type) -> set[str]:
    return {Config: {"path"}, StreamSettings: {"name", "redact"}, ReferenceSettings: set[str]()}.get(table, set())


def _meanings(table: type) -> dict[str, str]:
    """Return the arguments that a docstring describes, and those of what its class inherits."""
    return {name: words for each in reversed(table.__mro__[:-1]) for name, words in _described(each).items()}


def _described(table: type) -> dict[str, str]:
    _, _, told = inspect.cleandoc(table.__doc__ or "").partition("Args:\n")
    found: dict[str, str] = {}
    for line in told.split("\n\n")[0].splitlines():
        if match := re.fullmatch(r" {4}(\w+): (.*)", line):
            found[match[1]] = match[2]
        elif found:
            found[next(reversed(found))] += f" {line.strip()}"
    return {name: _in_the_file(words) for name, words in found.items()}


def _in_the_file(words: str) -> str:
    """Say of the file what the docstring says of the value: TOML has no None, and paths are relative there."""
    words = words.removesuffix(".").replace("; None for no limit", "").replace("; None ", "; left out, ")
    return words.replace(", absolute", "").replace("``", "`").replace("|", r"\|")


def _kind(hint: Any, name: str) -> str:  # noqa: PLR0911 - one kind of value after the other
    options = [each for each in get_args(hint) if each is not NoneType] if NoneType in get_args(hint) else [hint]
    kind = options[0]
    if set(get_args(kind)) == {str, int}:
        return "string or whole number"
    if kind is Right:
        return "right"
    if get_origin(kind) in (dict, Mapping) and get_origin(get_args(kind)[1]) is tuple:
        return "table of lists of rights"
    if values := [each for each in get_args(kind) if isinstance(each, str)]:
        return " or ".join(f'`"{each}"`' for each in values)
    if get_origin(kind) is tuple:
        return f"list of {_kind(get_args(kind)[0], name)}s"
    if get_origin(kind) in (dict, Mapping):
        return "table of strings"
    if kind is int and name.endswith("bytes"):
        return "size"
    names = {str: "string", Path: "path", int: "whole number", float: "number", bool: "true or false"}
    names |= {DrillSettings: "section"}
    return {**names, timedelta: "duration"}[kind]


def _default(each: Field[Any]) -> str:
    value = each.default if each.default is not MISSING else MISSING
    if each.default_factory is not MISSING:
        value = each.default_factory()
    if value is MISSING:
        return "required"
    if value is None or value in ((), {}, ""):
        return "none"
    if isinstance(value, timedelta):
        return f'`"{format_duration(value)}"`'
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{str(value).lower()}`" if isinstance(value, bool | int | float) else f'`"{value}"`'


def test_document_is_what_the_settings_say() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), f"run python {Path(__file__).name}"


@pytest.mark.parametrize("table", {table for table, _ in TABLES.values()}, ids=lambda table: table.__name__)
def test_every_key_has_a_meaning(table: type) -> None:
    assert {each.name for each in fields(table)} <= set(_meanings(table))


def test_every_key_is_in_the_document() -> None:
    nested = {"path", "name", "sources", "redact", *(each.name for each in fields(Config))}
    for title, (table, note) in TABLES.items():
        section = _section(title, table, note)
        for each in fields(table):
            if each.name not in nested and not _is_table(each, get_type_hints(table)[each.name]):
                assert f"| `{each.name}` |" in section, title


def test_defaults_of_the_document_are_read_as_they_stand(tmp_path: Path) -> None:
    lines = [
        line.split(" | ") for line in _section("[daemon]", DaemonSettings, "").splitlines() if line.startswith("| `")
    ]
    stated = "\n".join(f"{line[0].strip('| `')} = {line[2].strip('`')}" for line in lines if line[2] != "none")
    (tmp_path / "driftwatch.toml").write_text(f"[daemon]\n{stated}\n[streams.a]\n")
    assert load_config(tmp_path / "driftwatch.toml", environ={}).daemon == DaemonSettings()


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
