"""The shipped units under a real systemd: a small daemon on our schedule room, and jobs that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from systemd_lab import DAEMON, PYTHON, STATE, UNITS, Lab, booted, daemon_unit, job_units, missing, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

WATCHED = "/opt/source/tests/systemd/watched.py"
ASK = (PYTHON, "/opt/source/tests/systemd/ask.py")
JOB = f"""/bin/sh -c 'exec {PYTHON} /opt/source/tests/job_child.py runs polite "$$1" \
>> "runs/$$1/log.jsonl" 2>&1' job %i"""
RUN = "lab-w0000001"
SERVICE = f"driftwatch-retrain@{RUN}.service"


def start(lab: Lab) -> None:
    started = lab.run("systemctl", "start", "driftwatch")
    assert started.returncode == 0, lab.journal(DAEMON)


def test_ready_watchdog_user_and_a_child_that_outlives_the_daemon(tmp_path: Path) -> None:
    child = (UNITS / "child.conf").read_text()
    units = {DAEMON: daemon_unit(WATCHED, watchdog=1), f"{DAEMON}.d/child.conf": child}
    with booted(tmp_path, units) as lab:
        start(lab)
        assert lab.show("ActiveState") == "active"
        assert lab.show("StatusText") == "watching the test"
        first, job = lab.show("MainPID"), lab.run("cat", "/var/lib/driftwatch/job.pid").stdout.strip()
        owner = lab.run("stat", "-c", "%U", f"/proc/{first}").stdout.strip()
        assert owner == "driftwatch"

        assert lab.run("systemctl", "restart", "driftwatch").returncode == 0
        second = lab.show("MainPID")
        assert second != first
        assert lab.run("kill", "-0", job).returncode == 0, "the job ended with the daemon"

        assert lab.run("systemctl", "reload", "driftwatch").returncode != 0, "a failed reload must be seen"
        assert lab.show("MainPID") == second

        lab.run("kill", "-USR1", second)
        wait_until(lambda: lab.show("NRestarts") not in {"", "0"}, "the watchdog to restart a stuck daemon")
        wait_until(lambda: lab.show("ActiveState") == "active", "the daemon to come back")
        assert "Watchdog timeout" in lab.journal(DAEMON)
        assert lab.run("kill", "-0", job).returncode == 0

        assert lab.run("systemctl", "stop", "driftwatch").returncode == 0
        assert lab.show("Result") == "success"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which the daemon runs and asks for jobs, as installed."""
    units = {DAEMON: daemon_unit(WATCHED, watchdog=30), **job_units(JOB)}
    with booted(tmp_path_factory.mktemp("lab"), units) as running:
        start(running)
        yield running


def idle(lab: Lab, run: str = RUN) -> bool:
    return lab.as_daemon(*ASK, "poll", run).stdout.startswith("idle")


def spool_is_empty(lab: Lab) -> bool:
    return not any(lab.root.joinpath(STATE, "spool").glob("*.*"))


def test_a_job_has_a_group_of_its_own_and_outlives_the_daemon(lab: Lab) -> None:
    asked = lab.as_daemon(*ASK, "launch", RUN)
    assert asked.stdout.startswith("running"), asked.stderr
    wait_until(lambda: lab.show("ActiveState", SERVICE) == "active", "the job to begin")
    wait_until(lambda: spool_is_empty(lab), "the request to be taken up")
    job = lab.show("MainPID", SERVICE)
    assert lab.as_daemon(*ASK, "poll", RUN).stdout == f"running {SERVICE.removesuffix('.service')}, process {job}\n"
    group = lab.run("cat", f"/proc/{job}/cgroup").stdout
    assert f"/driftwatch.slice/driftwatch-retrain.slice/{SERVICE}" in group
    assert lab.show("StatusText", SERVICE) == "at work"
    assert lab.run("stat", "-c", "%U", f"/proc/{job}").stdout.strip() == "driftwatch"
    assert lab.run("cat", f"/proc/{job}/oom_score_adj").stdout.strip() == "500"

    before = lab.show("MainPID")
    assert lab.run("systemctl", "restart", "driftwatch").returncode == 0
    assert lab.show("MainPID") not in (before, "0")
    assert lab.show("MainPID", SERVICE) == job, "the same process as before"
    assert lab.as_daemon(*ASK, "launch", RUN).stdout.startswith("running")
    assert lab.show("MainPID", SERVICE) == job, "asking again starts no second job"

    cancelled = lab.as_daemon(*ASK, "cancel", RUN, "20")
    assert cancelled.stdout.strip() == "idle", cancelled.stderr
    wait_until(lambda: lab.show("ActiveState", SERVICE) == "inactive", "the service to end")
    assert lab.show("Result", SERVICE) == "success"
    assert lab.root.joinpath(STATE, "runs", RUN, "log.jsonl").read_text() == "at work\n"


@pytest.mark.parametrize("name", ["evil$(reboot)", "a..b", "-h", "Docs-w1", "docs-w1@x", "docs_w1", "a" * 130])
def test_an_id_that_is_none_is_refused(lab: Lab, name: str) -> None:
    before = lab.run("systemctl", "list-units", "--all", "--no-legend", "driftwatch-retrain@*").stdout
    assert lab.as_daemon("touch", f"/var/lib/driftwatch/spool/{name}.request").returncode == 0
    wait_until(lambda: spool_is_empty(lab), "the request to be refused")
    assert "no run has such an id" in lab.journal("driftwatch-dispatch")
    assert lab.run("systemctl", "list-units", "--all", "--no-legend", "driftwatch-retrain@*").stdout == before


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (("ln", "-s", "/etc/passwd"), "no plain file"),
        (("ln", "/var/lib/driftwatch/job.pid"), "other names"),
        (("mkdir",), "no plain file"),
    ],
)
def test_what_is_no_plain_file_is_refused(lab: Lab, made: tuple[str, ...], said: str) -> None:
    assert lab.as_daemon(*made, "/var/lib/driftwatch/spool/lab-w9.request").returncode == 0
    wait_until(lambda: spool_is_empty(lab), "the request to be refused")
    assert said in lab.journal("driftwatch-dispatch")
    assert lab.show("ActiveState", "driftwatch-retrain@lab-w9.service") == "inactive"
    assert idle(lab, "lab-w9")


def test_somebody_elses_request_is_refused(lab: Lab) -> None:
    lab.root.joinpath(STATE, "spool", "lab-w8.request").touch()  # root's, where the folder is the daemon's
    wait_until(lambda: spool_is_empty(lab), "the request to be refused")
    assert "somebody else's" in lab.journal("driftwatch-dispatch")
    assert lab.show("ActiveState", "driftwatch-retrain@lab-w8.service") == "inactive"
