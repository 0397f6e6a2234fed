"""The real daemon, installed by its own command under a real systemd, from the first start to the uninstallation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from systemd_lab import DAEMON, PATHS, PYTHON, STATE, Lab, booted, missing, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.skipif(missing() is not None, reason=str(missing())), pytest.mark.slow]

PROGRAM = "/opt/driftwatch/bin/driftwatch"
CONFIG = "/etc/driftwatch/driftwatch.toml"
URL = "http://127.0.0.1:9478"
RULE = "stream: '*'\nrules:\n  - name: tell\n    when: {when}\n    do: alert\n"
SETTINGS = """\
state_dir = "/var/lib/driftwatch"

[streams.docs]
[[streams.docs.sources]]
type = "http"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with booted(tmp_path_factory.mktemp("service"), {}) as running:
        put(
            running,
            PROGRAM,
            f'#!/bin/sh\nexec env LD_LIBRARY_PATH=/opt/python/lib {PATHS} {PYTHON} -W ignore -m driftwatch "$@"\n',
            mode=0o755,
        )
        put(running, CONFIG, SETTINGS)
        put(running, "/etc/driftwatch/policies/a.yaml", RULE.format(when="drift.alarm"))
        running.run("ip", "link", "set", "lo", "up")
        done = running.run(PROGRAM, "install-service", "--program", PROGRAM, "--config", CONFIG)
        assert done.returncode == 0, done.stderr
        before = running.run(PROGRAM, "status", "--config", CONFIG)
        assert before.returncode == 0, before.stderr
        started = running.run("systemctl", "enable", "--now", "driftwatch")
        assert started.returncode == 0, running.journal(DAEMON)
        yield running


def put(lab: Lab, path: str, text: str, *, mode: int = 0o644) -> None:
    file = lab.root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def send(lab: Lab, number: int) -> str:
    body = json.dumps({"id": f"t{number}", "text": f"text number {number}"})
    address = f"{URL}/v1/streams/docs/texts"
    return lab.run(
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        "content-type: application/json",
        "-d",
        body,
        address,
    ).stdout


def test_it_is_ready_enabled_and_its_own_user(lab: Lab) -> None:
    assert lab.show("ActiveState") == "active"
    assert lab.show("StatusText") == "watching 1 stream(s)"
    assert lab.run("systemctl", "is-enabled", "driftwatch").stdout.strip() == "enabled"
    owner = lab.run("stat", "-c", "%U", f"/proc/{lab.show('MainPID')}").stdout.strip()
    assert owner == "driftwatch"
    socket = lab.root / STATE / "control.sock"
    assert socket.is_socket()
    assert socket.stat().st_mode & 0o077 == 0


def test_a_reload_is_taken_or_refused_and_audited(lab: Lab) -> None:
    assert lab.run("systemctl", "reload", "driftwatch").returncode == 0, lab.journal(DAEMON)
    put(lab, "/etc/driftwatch/policies/a.yaml", RULE.format(when="no.such.variable"))
    assert lab.run("systemctl", "reload", "driftwatch").returncode != 0
    assert lab.show("ActiveState") == "active"
    put(lab, "/etc/driftwatch/policies/a.yaml", RULE.format(when="drift.alarm"))
    assert lab.run("systemctl", "reload", "driftwatch").returncode == 0
    said = lab.run(PROGRAM, "audit", "--json", "--config", CONFIG)
    assert "driftwatch" in {entry["who"] for entry in json.loads(said.stdout)}, said


def test_a_crash_loses_nothing_that_was_acknowledged(lab: Lab) -> None:
    assert [send(lab, number) for number in range(3)] == ["202"] * 3
    first = lab.show("MainPID")
    lab.run("kill", "-9", first)
    wait_until(lambda: lab.show("MainPID") not in (first, "0"), "systemd to start it again")
    wait_until(lambda: lab.show("ActiveState") == "active", "the daemon to be ready again")
    assert send(lab, 3) == "202"
    kept = lab.run(PROGRAM, "status", "--json", "--config", CONFIG)
    assert '"backlog":4' in kept.stdout, kept


def test_what_root_does_meanwhile_is_the_daemons(lab: Lab) -> None:
    done = lab.run(PROGRAM, "backup", "/backups/whole", "--config", CONFIG)
    assert done.returncode == 0, done.stderr
    everything = lab.run("find", "/var/lib/private/driftwatch", "-user", "root")
    assert (everything.returncode, everything.stdout) == (0, "")
    assert lab.as_daemon("test", "-w", "/var/lib/driftwatch/models/docs/lock").returncode == 0
    assert lab.run("stat", "-c", "%U", "/backups/whole").stdout.strip() == "root"


def test_a_restore_goes_on_from_the_backup_as_the_services_user(lab: Lab) -> None:
    assert send(lab, 4) == "202"
    assert lab.run("systemctl", "stop", "driftwatch", seconds=90).returncode == 0
    assert lab.run("mv", "/var/lib/private/driftwatch", "/backups/before").returncode == 0
    assert lab.run("rm", "/var/lib/driftwatch").returncode == 0
    done = lab.run(PROGRAM, "restore", "/backups/whole", "--config", CONFIG)
    assert done.returncode == 0, done.stderr
    started = lab.run("systemctl", "start", "driftwatch")
    assert started.returncode == 0, lab.journal(DAEMON)
    kept = lab.run(PROGRAM, "status", "--json", "--config", CONFIG)
    assert '"backlog":4' in kept.stdout, kept
    assert lab.run("find", "/var/lib/private/driftwatch", "-user", "root").stdout == ""
    assert send(lab, 4) == "202"


def test_it_stops_within_the_limit_and_in_order(lab: Lab) -> None:
    assert lab.run("systemctl", "stop", "driftwatch", seconds=90).returncode == 0
    assert lab.show("Result") == "success"
    assert "daemon_stopped" in lab.journal(DAEMON)
    assert not (lab.root / STATE / "control.sock").exists()
    assert lab.run("systemctl", "start", "driftwatch").returncode == 0


def test_uninstalled_it_leaves_its_data_alone(lab: Lab) -> None:
    done = lab.run(PROGRAM, "install-service", "--uninstall", "--config", CONFIG, seconds=120)
    assert done.returncode == 0, done.stderr
    assert lab.run("systemctl", "is-active", "driftwatch").stdout.strip() == "inactive"
    assert lab.run("systemctl", "cat", "driftwatch").returncode != 0
    assert (lab.root / STATE / "driftwatch.db").exists()
    assert lab.run(PROGRAM, "install-service", "--uninstall", "--config", CONFIG).stdout == "nothing to do\n"
