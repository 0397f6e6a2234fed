from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest
import yaml
from http_receiver import HttpReceiver

from driftwatch.demo import workspace
from driftwatch.demo.process import Process
from driftwatch.demo.stack import addresses, files, programs, words
from driftwatch.demo.stack.addresses import SHIPPED, Addresses
from driftwatch.demo.stack.keys import Keys
from driftwatch.domain.errors import ConflictError, DriftwatchError, NotFoundError

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "grafana"
ELSEWHERE = Addresses(daemon=1, prometheus=2, alertmanager=3, receiver=4)


def test_a_program_that_is_not_installed_is_named_with_the_cure(tmp_path: Path) -> None:
    there = tmp_path / "prometheus"
    there.touch(mode=0o755)
    with pytest.raises(NotFoundError, match="alertmanager not found in PATH") as raised:
        programs.find(path=str(tmp_path))
    assert "apt-get install prometheus prometheus-alertmanager" in str(raised.value.cure)
    (tmp_path / "alertmanager").touch(mode=0o755)
    found = programs.find(path=str(tmp_path))
    assert (found.prometheus, found.alertmanager) == (str(there), str(tmp_path / "alertmanager"))


def test_the_usual_ports_are_taken_unless_somebody_listens_there() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", SHIPPED.alertmanager))
            other.listen()
        except OSError:
            pass  # somebody else listens there: as well
        chosen = addresses.free(receiver=7)
        assert chosen.alertmanager != SHIPPED.alertmanager
        assert chosen.receiver == 7
        assert len(set(astuple(chosen))) == 4
        assert any(f"port {SHIPPED.alertmanager} is taken" in line for line in words.moved(chosen))
    assert list(words.moved(SHIPPED)) == []


def test_copies_differ_from_the_shipped_files_in_ports_the_folder_of_boards_and_the_interval_alone(
    tmp_path: Path,
) -> None:
    same = files.put(GRAFANA, tmp_path / "same", SHIPPED)
    for copy in (same.prometheus, same.alertmanager, same.folder / files.RULES):
        assert copy.read_bytes() == (GRAFANA / "prometheus" / copy.name).read_bytes()
    other = files.put(GRAFANA, tmp_path / "other", ELSEWHERE, interval="2s")
    scraped = yaml.safe_load(other.prometheus.read_text())
    assert scraped["scrape_configs"][0]["static_configs"] == [{"targets": ["127.0.0.1:1"]}]
    assert scraped["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["127.0.0.1:3"]}]
    assert scraped["global"] == {"scrape_interval": "2s", "evaluation_interval": "2s"}
    told = yaml.safe_load(other.alertmanager.read_text())["receivers"]
    assert {hook["url"] for receiver in told for hook in receiver["webhook_configs"]} == {"http://127.0.0.1:4/alerts"}
    [source] = yaml.safe_load((other.provisioning / "datasources" / "driftwatch.yaml").read_text())["datasources"]
    assert source["url"] == "http://127.0.0.1:2"
    [boards] = yaml.safe_load((other.provisioning / "dashboards" / "driftwatch.yaml").read_text())["providers"]
    assert list(Path(boards["options"]["path"]).glob("driftwatch-*.json"))


def test_where_to_look_is_said_for_the_ports_in_use(tmp_path: Path) -> None:
    copied = files.Files(folder=tmp_path)
    said = {name: where for name, where, _ in words.places(ELSEWHERE, copied, alerts="http://127.0.0.1:2/alerts")}
    assert said["status page"] == "http://127.0.0.1:1/"
    assert said["graphs"].startswith("http://127.0.0.1:2/graph?g0.expr=driftwatch_drift_evidence&")
    assert str(tmp_path / "provisioning") in words.grafana(copied)


def test_the_page_of_alerts_is_where_this_prometheus_has_it() -> None:
    with HttpReceiver([200, 404]) as web:
        assert words.page_of_alerts(web.url) == f"{web.url}/alerts"
        assert words.page_of_alerts(web.url) == f"{web.url}/classic/alerts"


def test_enter_is_noticed_and_an_input_that_ended_is_left_alone() -> None:
    read, write = os.pipe()
    keys = Keys(read)
    assert not keys.wait(0)
    os.write(write, b"\n")
    assert keys.wait(60)
    os.close(write)
    assert not keys.wait(0)
    assert not keys.wait(0)
    os.close(read)
    assert not Keys(read).wait(0)


def test_a_folder_in_use_is_not_swept_away(tmp_path: Path) -> None:
    space = workspace.make(tmp_path / "demo", port=1)
    kept = space.folder / "kept"
    kept.touch()
    with workspace.held(space.folder):
        with pytest.raises(ConflictError, match="a demo is at work in the folder"):
            workspace.make(space.folder)
        assert kept.exists()
    assert not (workspace.make(space.folder).folder / "kept").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    with pytest.raises(ConflictError, match="not empty and not a demo's"):
        workspace.make(tmp_path / "other")


def test_a_program_that_ended_is_told_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with HttpReceiver([503]) as web:
        ended = Process("it", [sys.executable, "-c", "print('why'); raise SystemExit(3)"], log=log, ready=web.url)
        with ended, pytest.raises(DriftwatchError, match="it ended with code 3: why") as raised:
            ended.await_ready()
    assert raised.value.where == str(log)
    assert log.read_text() == "why\n"


def test_a_program_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with HttpReceiver() as web:
        running = Process("it", ["sleep", "600"], log=tmp_path / "log", ready=web.url, apart=True)
        with running:
            running.await_ready()
            running.check()
            pid = running.pid
            assert os.getsid(pid) == pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_happens_once_is_routed_as_such() -> None:
    written = yaml.safe_load((GRAFANA / "prometheus" / "alertmanager.yml").read_text())
    [route] = written["route"]["routes"]
    [matcher] = route["matchers"]
    once = re.compile(re.fullmatch(r'alertname=~"(.+)"', matcher)[1])  # type: ignore[index]
    rooms = ROOT / "driftwatch" / "alert"
    events, lasting = set[str](), set[str]()
    for file in rooms.glob("*.py"):
        source = file.read_text()
        events |= set(re.findall(r'\b_?event\(\s*"(\w+)"', source))
        lasting |= set(re.findall(r'\bname="(\w+)"', source)) | set(re.findall(r'\("([A-Z]\w+)", "', source))
    assert len(events) > 8
    assert {"DriftDetected", "SilentDecay", "RuleHolds", "ApprovalWanted", "Paused"} <= lasting
    assert [name for name in sorted(events) if not once.fullmatch(name)] == []
    assert [name for name in sorted({*lasting, "DaemonDegraded", "DriftwatchDown"}) if once.fullmatch(name)] == []
    ends = {each["name"]: each["webhook_configs"][0]["send_resolved"] for each in written["receivers"]}
    assert (ends[route["receiver"]], ends[written["route"]["receiver"]]) == (False, True)


def test_alertmanager_takes_its_file() -> None:
    try:
        checked = subprocess.run(
            ["amtool", "check-config", GRAFANA / "prometheus" / "alertmanager.yml"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager)")
    assert checked.returncode == 0, checked.stderr
