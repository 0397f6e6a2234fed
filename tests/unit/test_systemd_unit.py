"""The shipped units as systemd itself reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "systemd"
UNIT = UNITS / "driftwatch.service"
PROGRAM = "/opt/driftwatch/bin/driftwatch"
SERVICES = ("driftwatch.service", "driftwatch-retrain@.service", "driftwatch-dispatch.service")

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """All units with a program that exists here, as systemd-analyze looks for it."""
    for unit in UNITS.iterdir():
        if unit.suffix in (".service", ".path", ".slice"):
            (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@needs_analyze
def test_systemd_has_nothing_to_say(installed: Path) -> None:
    units = sorted(str(unit) for unit in installed.iterdir())
    verified = analyze("verify", "--man=no", *units)
    assert (verified.returncode, verified.stderr) == (0, "")


@needs_analyze
@pytest.mark.parametrize("service", SERVICES)
def test_exposure_is_at_most_one_and_a_half(installed: Path, service: str) -> None:
    judged = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(installed / service))
    assert judged.returncode == 0, judged.stdout


def test_the_units_start_the_installed_command() -> None:
    text = UNIT.read_text()
    assert f"ExecStart={PROGRAM} run --config /etc/driftwatch/driftwatch.toml" in text
    assert f"ExecReload={PROGRAM} reload --config /etc/driftwatch/driftwatch.toml" in text
    job = (UNITS / "driftwatch-retrain@.service").read_text()
    assert f'exec {PROGRAM} job "$$1" --config /etc/driftwatch/driftwatch.toml >> "runs/$$1/log.jsonl"' in job
    assert f"ExecStart={PROGRAM} dispatch /var/lib/driftwatch/spool" in (UNITS / SERVICES[2]).read_text()


def test_a_child_survives_a_restart_of_the_daemon_with_the_drop_in() -> None:
    lines = (UNITS / "child.conf").read_text().splitlines()
    assert "KillMode=process" in lines
    assert "OOMPolicy=continue" in lines
    unit = UNIT.read_text().splitlines()
    assert not any(line.startswith(("MemoryHigh=", "RuntimeDirectory=")) for line in unit)


def test_daemon_and_job_are_the_same_user_with_the_same_files() -> None:
    shared = ("User=", "DynamicUser=", "StateDirectoryMode=", "WorkingDirectory=", "Environment=HF_HOME", "UMask=")
    daemon, job = (
        [line for line in (UNITS / service).read_text().splitlines() if line.startswith(shared)]
        for service in SERVICES[:2]
    )
    assert daemon == job
