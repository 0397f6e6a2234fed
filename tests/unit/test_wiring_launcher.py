"""Which launcher a configuration means."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwatch import wiring
from driftwatch.config import Config, load_config
from driftwatch.domain.errors import ConfigError
from driftwatch.retrain.launchers import ChildLauncher, RayLauncher, SystemdLauncher
from driftwatch.retrain.launchers.spool import Request, Verb, parse


def configured(folder: Path, text: str) -> Config:
    file = folder / "driftwatch.toml"
    file.write_text(text + "\n[streams.a]\n")
    return load_config(file, environ={})


@pytest.fixture(autouse=True)
def no_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTWATCH_SPOOL", raising=False)


def test_auto_is_a_child_but_under_the_shipped_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(tmp_path, "")
    assert isinstance(wiring.launcher(config), ChildLauncher)
    monkeypatch.setenv("DRIFTWATCH_SPOOL", str(tmp_path / "spool"))
    assert isinstance(wiring.launcher(config), SystemdLauncher)
    assert isinstance(wiring.launcher(configured(tmp_path, "[retrain]\nlauncher = 'child'")), ChildLauncher)


def test_a_cluster_with_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[retrain]\nlauncher = 'ray'\n[retrain.ray]\ntoken = 'env:RAY_TOKEN'"
    monkeypatch.setenv("RAY_TOKEN", "secret")
    assert isinstance(wiring.launcher(configured(tmp_path, text)), RayLauncher)
    monkeypatch.delenv("RAY_TOKEN")
    with pytest.raises(ConfigError, match="RAY_TOKEN"):
        wiring.launcher(configured(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[retrain]\nlauncher = 'slurm'", "driftwatch.toml:2:1"),
        ("[retrain]\nconcurrent = 0", "concurrent must be at least 1"),
        ("[retrain]\nparallel = 2", 'unknown key "parallel"'),
        ("[retrain.ray]\naddress = 'ray://head:10001'", "must begin with http:// or https://"),
        ("[retrain.ray]\ncpus = 0", "one of them more"),
        ("[retrain.ray]\ncommand = []", "must name a program"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"driftwatch\.toml:\d+:\d+") as caught:
        configured(tmp_path, text)
    assert said in str(caught.value)


def test_a_spool_of_ones_own_lies_beside_the_configuration(tmp_path: Path) -> None:
    assert configured(tmp_path, "[retrain]\nspool = 'asked'").retrain.spool == tmp_path / "asked"


@pytest.mark.parametrize("verb", list(Verb))
def test_a_request_is_read_from_its_name(verb: Verb) -> None:
    assert parse(f"docs-w0000012.{verb}") == Request("docs-w0000012", verb)


@pytest.mark.parametrize(
    "name",
    ["", ".request", "-h.request", "../x.request", "a/b.request", "a b.request", "a.start", "A.request", "a\n.request",
     "a.request\n", "ä.request", "a@b.request", "a.b.request", f"{'a' * 129}.request", "a\x00.request"],
)  # fmt: skip
def test_a_name_that_could_be_anything_else_is_none(name: str) -> None:
    assert parse(name) is None
