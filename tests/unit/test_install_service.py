"""``driftwatch install-service``: the units for an environment, written, kept, taken away."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.config import Config, StreamSettings
from driftwatch.domain.errors import ConfigError, DriftwatchError
from driftwatch.schedule.systemd import Systemd
from driftwatch.wiring import service

SHIPPED = Path(__file__).resolve().parents[2] / "systemd"
COMMAND = "/srv/venv/bin/driftwatch"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration where services could see it, for temporary folders are hidden from them."""
    monkeypatch.setattr(service, "_HIDDEN", ("/home",))
    file = tmp_path / "driftwatch.toml"
    file.write_text('state_dir = "/var/lib/driftwatch"\n[streams.docs]\n')
    file.chmod(0o644)
    return file


def settings(file: Path, **change: object) -> Config:
    whole = Config(path=file, state_dir=service.STATE, streams={"docs": StreamSettings(name="docs")})
    return replace(whole, **change)  # type: ignore[arg-type]


def install(config: Path, into: Path, *more: str) -> Result:
    arguments = ["install-service", "--into", str(into), "--program", COMMAND, *more, "--config", str(config)]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def files(into: Path) -> list[str]:
    return sorted(str(file.relative_to(into)) for file in into.rglob("*") if file.is_file())


def test_the_units_start_this_environment_with_this_configuration(config: Path) -> None:
    wanted = service.units(SHIPPED, settings(config), command=COMMAND, gpu=False)
    assert sorted(wanted) == sorted(service.UNITS)
    assert f"ExecStart={COMMAND} run --config {config}\n" in wanted["driftwatch.service"]
    assert f"ExecReload={COMMAND} reload --config {config}\n" in wanted["driftwatch.service"]
    assert f'exec {COMMAND} job "$$1" --config {config} ' in wanted["driftwatch-retrain@.service"]
    assert f"ExecStart={COMMAND} dispatch /var/lib/driftwatch/spool\n" in wanted["driftwatch-dispatch.service"]
    assert not any("/opt/driftwatch" in text for text in wanted.values())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_them_and_the_gpu_costs_little(config: Path, tmp_path: Path) -> None:
    into = tmp_path / "units"
    wanted = service.units(SHIPPED, settings(config), command="/bin/true", gpu=True)
    service.write_units(wanted, into, dry=False)
    verify = ["systemd-analyze", "verify", "--man=no", *(str(into / name) for name in service.UNITS)]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    for unit in service.UNITS[:2]:  # offline, systemd-analyze reads no drop-ins: with theirs at the end it does
        whole = tmp_path / unit
        whole.write_text(wanted[unit] + wanted[f"{unit}.d/gpu.conf"])
        judge = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(whole)]
        judged = subprocess.run(judge, capture_output=True, text=True, check=False)
        assert judged.returncode == 0, judged.stdout


def test_written_once_and_again_only_what_changed(config: Path, tmp_path: Path) -> None:
    into = tmp_path / "units"
    assert "next: systemctl enable --now driftwatch" in install(config, into).output
    assert files(into) == sorted(service.UNITS)
    assert install(config, into).output == "nothing to do\n"
    gpu = json.loads(install(config, into, "--gpu", "--json").stdout)
    assert len(gpu["written"]) == 2
    assert len(gpu["same"]) == len(service.UNITS)
    assert "driftwatch.service.d/gpu.conf" in files(into)
    gone = json.loads(install(config, into, "--json").stdout)
    assert len(gone["removed"]) == 2
    assert files(into) == sorted(service.UNITS)


def test_a_launcher_of_children_brings_its_drop_in(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace("[streams", '[retrain]\nlauncher = "child"\n[streams'))
    into = tmp_path / "units"
    install(config, into)
    assert "KillMode=process" in (into / "driftwatch.service.d" / "child.conf").read_text()


def test_dry_run_writes_nothing(config: Path, tmp_path: Path) -> None:
    into = tmp_path / "units"
    assert f"would write {into}/driftwatch.service" in install(config, into, "--dry-run").output
    assert not into.exists()


def test_what_others_wrote_is_never_overwritten_nor_taken_away(config: Path, tmp_path: Path) -> None:
    into = tmp_path / "units"
    into.mkdir()
    (into / "driftwatch.service").write_text("[Service]\n")
    refused = install(config, into)
    assert (refused.exit_code, "not written by driftwatch install-service" in refused.output) == (5, True)
    assert files(into) == ["driftwatch.service"]
    (into / "driftwatch.service").unlink()
    install(config, into)
    drop_in = into / "driftwatch.service.d" / "override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nSupplementaryGroups=adm\n")
    assert install(config, into, "--uninstall").exit_code == 0
    assert files(into) == ["driftwatch.service.d/override.conf"]
    assert install(config, into, "--uninstall").output == "nothing to do\n"


@pytest.mark.parametrize("command", ["/home/me/venv/bin/driftwatch", "/srv/a b/driftwatch", "/srv/100%/driftwatch"])
def test_what_services_cannot_see_or_units_misread_is_refused(config: Path, command: str) -> None:
    with pytest.raises(ConfigError, match="the command"):
        service.units(SHIPPED, settings(config), command=command, gpu=False)


def test_a_state_elsewhere_or_a_configuration_that_nobody_reads_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="its own state folder only"):
        service.units(SHIPPED, settings(config, state_dir=Path("/srv/state")), command=COMMAND, gpu=False)
    config.chmod(0o600)
    with pytest.raises(ConfigError, match="the service's user cannot read it"):
        service.units(SHIPPED, settings(config), command=COMMAND, gpu=False)


def test_temporary_folders_are_hidden_from_services(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").touch()
    with pytest.raises(DriftwatchError, match="lies where services see nothing"):
        service.units(SHIPPED, settings(Path("/tmp/driftwatch.toml")), command=COMMAND, gpu=False)


def test_more_time_is_asked_for_while_a_start_takes_it(tmp_path: Path) -> None:
    import socket
    import threading

    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(10)
        systemd = Systemd({"NOTIFY_SOCKET": str(address)}, pid=1)
        with systemd.taking_time(most=timedelta(hours=1), every=timedelta(milliseconds=10)):
            said = [manager.recv(100) for _ in range(3)]
        assert said == [b"EXTEND_TIMEOUT_USEC=20000"] * 3
        assert not any(thread.name == "extend-timeout" for thread in threading.enumerate())


def test_what_hangs_gets_no_more_time_in_the_end(tmp_path: Path) -> None:
    import socket
    import threading

    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        systemd = Systemd({"NOTIFY_SOCKET": str(address)}, pid=1)
        most, every = timedelta(milliseconds=50), timedelta(milliseconds=10)
        with systemd.taking_time(most=most, every=every):
            asking = next(thread for thread in threading.enumerate() if thread.name == "extend-timeout")
            asking.join(10)
            assert not asking.is_alive()
        manager.settimeout(0)
        assert len([manager.recv(100) for _ in range(5)]) == 5
        with pytest.raises(BlockingIOError):
            manager.recv(100)
