"""Hot reload of a real daemon: by signal, over HTTP, by command and by a changed file; refusals, and the record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from deployment import ENVIRONMENT, Daemon, Deployment, command, until

from driftwatch.demo.workspace import free_port
from driftwatch.domain.audit import AuditEntry

CONFIG = """\
[daemon]
listen = "127.0.0.1:{port}"
watch_policies = {watch}
[streams.docs]
"""
RULES = """\
stream: [docs]
rules:
  - name: tell
    when: loss.increase > {limit}
    do: alert
"""
RECIPE = "epochs = {epochs}\n"
BAD = RULES.format(limit=0.1).replace("loss.increase", "loss.incraese")


def deployment(folder: Path, *, watch: bool) -> Deployment:
    found = Deployment(folder=folder, port=free_port())
    (folder / "policies").mkdir(parents=True)
    (folder / "recipes").mkdir()
    found.config.write_text(CONFIG.format(port=found.port, watch=str(watch).lower()))
    (folder / "policies" / "p.yaml").write_text(RULES.format(limit=0.1))
    (folder / "recipes" / "own.toml").write_text(RECIPE.format(epochs=1.0))
    return found


class Here:
    """A daemon without model or reference, and how to look at it."""

    def __init__(self, here: Deployment, daemon: Daemon) -> None:
        self.here, self.daemon = here, daemon

    @property
    def policy(self) -> Path:
        return self.here.folder / "policies" / "p.yaml"

    def write(self, limit: float) -> None:
        aside = self.policy.with_name("aside")
        aside.write_text(RULES.format(limit=limit))
        aside.replace(self.policy)

    def log(self) -> list[AuditEntry]:
        store = self.here.store()
        try:
            return store.audit.recent(what=("policy-loaded", "reload-refused", "policy-mended"), limit=99)
        finally:
            store.close()

    def after(self, entries: int) -> AuditEntry:
        """Wait for the log to be longer, and return its newest entry."""
        return until(lambda: log[0] if len(log := self.log()) > entries else None, "an entry in the log", seconds=60)

    def metric(self, name: str) -> float:
        lines = httpx.get(f"{self.here.url}/metrics").text.splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name)))

    def shows(self, name: str, value: float) -> None:
        until(lambda: True if self.metric(name) == value else None, f"{name} {value}")

    def tell(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words, "--config", str(self.here.config)),
            env={**ENVIRONMENT, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )


def answering(here: Deployment) -> bool | None:
    try:
        return True if httpx.get(f"{here.url}/-/healthy", timeout=2).is_success else None
    except httpx.TransportError:
        return None


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    yield from running(tmp_path_factory.mktemp("watched") / "here", watch=True)


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    yield from running(tmp_path_factory.mktemp("unwatched") / "here", watch=False)


def running(folder: Path, *, watch: bool) -> Iterator[Here]:
    here = deployment(folder, watch=watch)
    with Daemon(here) as daemon:
        until(lambda: answering(here), "the daemon to answer", seconds=60)
        yield Here(here, daemon)
        assert daemon.stop() == 0


def test_the_start_is_in_the_record_once(watched: Here) -> None:
    (first,) = watched.log()
    assert (first.what, first.who, first.detail["asked"], first.detail["old"]) == (
        "policy-loaded",
        "start",
        "start",
        "",
    )
    assert "+    when: loss.increase > 0.1" in first.detail["diff"]


def test_a_changed_file_is_loaded_recorded_and_counted(watched: Here) -> None:
    before = watched.log()
    watched.write(0.2)
    entry = watched.after(len(before))
    assert (entry.what, entry.who, entry.detail["asked"]) == ("policy-loaded", "file watcher", "files")
    assert entry.detail["old"] == before[0].detail["new"] != entry.detail["new"]
    assert "-    when: loss.increase > 0.1\n+    when: loss.increase > 0.2" in entry.detail["diff"]
    watched.shows('driftwatch_policy_loads_total{asked="files",outcome="loaded"}', 1)
    assert watched.metric("driftwatch_policy_watch_up") == 1


def test_a_changed_recipe_is_loaded_and_recorded(watched: Here) -> None:
    before = watched.log()
    (watched.here.folder / "recipes" / "own.toml").write_text(RECIPE.format(epochs=3.0))
    entry = watched.after(len(before))
    assert entry.detail["old"] == entry.detail["new"]
    assert entry.detail["recipes"] != before[0].detail["recipes"]
    assert "--- recipe own" in entry.detail["diff"]
    assert "-epochs = 1.0\n+epochs = 3.0" in entry.detail["diff"]


def test_a_mistake_is_refused_told_and_mended_by_the_next_change(watched: Here) -> None:
    before, good = watched.log(), watched.policy.read_text()
    watched.policy.write_text(BAD)
    refused = watched.after(len(before))
    assert (refused.what, refused.who) == ("reload-refused", "file watcher")
    assert "p.yaml:4:" in refused.detail["error"]
    assert "loss.increase" in refused.detail["error"]
    assert refused.detail["old"] == before[0].detail["new"]
    watched.shows("driftwatch_config_reload_success", 0)
    assert "policies not loaded" in httpx.get(watched.here.url + "/").text
    watched.policy.write_text(good)
    mended = watched.after(len(before) + 1)
    assert (mended.what, mended.detail["new"]) == ("policy-mended", refused.detail["old"])
    watched.shows("driftwatch_config_reload_success", 1)
    assert "policies not loaded" not in httpx.get(watched.here.url + "/").text


def test_rules_do_not_vanish_with_their_file_unless_that_is_asked_for(watched: Here) -> None:
    before, good = watched.log(), watched.policy.read_text()
    watched.policy.unlink()
    refused = watched.after(len(before))
    assert refused.what == "reload-refused"
    assert "no policy file is left" in refused.detail["error"]
    assert watched.tell("reload").returncode == 0
    gone = watched.after(len(before) + 1)
    assert "+++ /dev/null" in gone.detail["diff"]
    watched.policy.write_text(good)
    watched.after(len(before) + 2)


@pytest.mark.parametrize("way", ["signal", "http", "command"])
def test_who_asked_is_in_the_record(unwatched: Here, way: str) -> None:
    before = unwatched.log()
    unwatched.write(0.3 + len(before))
    ask: dict[str, tuple[Callable[[], object], str]] = {
        "signal": (lambda: os.kill(unwatched.daemon.pid, signal.SIGHUP), "signal SIGHUP"),
        "http": (lambda: httpx.post(unwatched.here.url + "/-/reload").raise_for_status(), "anonymous from 127.0.0.1"),
        "command": (lambda: unwatched.tell("reload"), ""),
    }
    act, who = ask[way]
    act()
    entry = unwatched.after(len(before))
    assert entry.what == "policy-loaded"
    assert entry.detail["asked"] == ("signal" if way == "signal" else "http")
    assert entry.who == who or (way == "command" and "127.0.0.1" not in entry.who and entry.who)


def test_without_watching_a_file_changes_nothing(unwatched: Here) -> None:
    before = unwatched.log()
    unwatched.write(7.5)
    assert "\ndriftwatch_policy_watch_up" not in httpx.get(f"{unwatched.here.url}/metrics").text
    assert unwatched.log() == before
    assert unwatched.tell("reload").returncode == 0
    assert unwatched.after(len(before)).who != "file watcher"


def test_an_unchanged_reload_leaves_no_entry(unwatched: Here) -> None:
    before = unwatched.log()
    unwatched.policy.write_text(unwatched.policy.read_text() + "# a remark\n")
    assert unwatched.tell("reload").returncode == 0
    unwatched.shows('driftwatch_policy_loads_total{asked="http",outcome="unchanged"}', 1)
    assert unwatched.log() == before


def test_a_pause_is_shown_and_ends_by_itself(unwatched: Here) -> None:
    pause = ("pause", "docs", "--rule", "tell", "--because", "a release")
    paused = unwatched.tell(*pause, "--for", "6h")
    assert paused.returncode == 0, paused.stderr
    unwatched.shows('driftwatch_paused{rule="tell",stream="docs"}', 1)
    assert "a release" in httpx.get(unwatched.here.url + "/").text
    assert unwatched.tell(*pause, "--for", "1s").returncode == 0

    def over() -> AuditEntry | None:
        store = unwatched.here.store()
        try:
            return next(iter(store.audit.recent(what=("pause-over",), limit=1)), None)
        finally:
            store.close()

    assert until(over, "the pause's end", seconds=60).subject == "docs/tell"
    unwatched.shows('driftwatch_paused{rule="tell",stream="docs"}', 0)


def test_history_shows_it_all(unwatched: Here) -> None:
    found = json.loads(unwatched.tell("policy", "history", "--json").stdout)
    assert [entry["what"] for entry in found] == [entry.what for entry in unwatched.log()]
    assert "signal SIGHUP" in unwatched.tell("policy", "history").stdout
    assert "+    when: loss.increase > 0.1" in unwatched.tell("policy", "history", "--diff").stdout


def test_a_restart_with_the_same_rules_is_no_change(unwatched: Here) -> None:
    before = unwatched.log()
    assert unwatched.daemon.stop() == 0
    unwatched.daemon.start()
    until(lambda: answering(unwatched.here), "the daemon to answer", seconds=60)
    assert unwatched.log() == before
    unwatched.daemon.stop()
    unwatched.write(8.5)
    unwatched.daemon.start()
    until(lambda: answering(unwatched.here), "the daemon to answer", seconds=60)
    (entry, *_) = unwatched.log()
    assert (entry.who, entry.detail["old"]) == ("start", before[0].detail["new"])
    assert "+    when: loss.increase > 8.5" in entry.detail["diff"]
