from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "driftwatch.service"
PROGRAM = "/opt/driftwatch/bin/driftwatch"

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here, as systemd-analyze looks for it."""
    installed = tmp_path / UNIT.name
    installed.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))
    return installed


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@needs_analyze
def test_systemd_has_nothing_to_say(unit: Path) -> None:
    verified = analyze("verify", "--man=no", str(unit))
    assert (verified.returncode, verified.stderr) == (0, "")


@needs_analyze
def test_exposure_is_at_most_one_and_a_half(unit: Path) -> None:
    judged = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(unit))
    assert judged.returncode == 0, judged.stdout


def test_the_unit_starts_and_reloads_the_installed_command() -> None:
    text = UNIT.read_text()
    assert f"ExecStart={PROGRAM} run --config /etc/driftwatch/driftwatch.toml" in text
    assert f"ExecReload={PROGRAM} reload --config /etc/driftwatch/driftwatch.toml" in text


def test_a_job_survives_a_restart_of_the_daemon() -> None:
    lines = UNIT.read_text().splitlines()
    assert "KillMode=process" in lines
    assert "OOMPolicy=continue" in lines
    assert not any(line.startswith(("MemoryHigh=", "RuntimeDirectory=")) for line in lines)
