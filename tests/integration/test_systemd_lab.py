"""The shipped unit's settings under a real systemd, with a small daemon on our schedule room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from systemd_lab import booted, missing, unit_for, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def test_ready_watchdog_user_and_a_job_that_outlives_the_daemon(tmp_path: Path) -> None:
    with booted(tmp_path, unit_for("/opt/source/tests/systemd/watched.py", watchdog=1)) as lab:
        started = lab.run("systemctl", "start", "driftwatch")
        assert started.returncode == 0, lab.run("journalctl", "-u", "driftwatch", "--no-pager").stdout
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
        journal = lab.run("journalctl", "-u", "driftwatch", "--no-pager").stdout
        assert "Watchdog timeout" in journal
        assert lab.run("kill", "-0", job).returncode == 0

        assert lab.run("systemctl", "stop", "driftwatch").returncode == 0
        assert lab.show("Result") == "success"
