"""A state folder has one daemon, and a lock file that is left behind keeps nobody out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from driftwatch.config import load_config
from driftwatch.daemon.alone import alone
from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config


def configured(folder: Path, name: str, *, port: int, more: str = "") -> Config:
    file = folder / f"{name}.toml"
    file.write_text(f'state_dir = "state"\n{more}\n[daemon]\nlisten = "127.0.0.1:{port}"\n\n[streams.main]\n')
    return load_config(file, environ={})


def test_a_state_folder_has_one_daemon_at_a_time(tmp_path: Path) -> None:
    first, second = configured(tmp_path, "first", port=9478), configured(tmp_path, "second", port=9479)
    with alone(first):
        with pytest.raises(ConfigError, match="a daemon runs with this state folder already") as refused, alone(second):
            pass
        assert str(tmp_path / "state") in str(refused.value)
    with alone(second):
        assert list((tmp_path / "state").iterdir()) == [tmp_path / "state" / "control.lock"]


def test_hosts_with_one_database_share_a_folder(tmp_path: Path) -> None:
    store = 'store = "postgresql://localhost/driftwatch"'
    hosts = [configured(tmp_path, f"host{port}", port=port, more=store) for port in (9478, 9479)]
    with alone(hosts[0]), alone(hosts[1]), pytest.raises(ConfigError, match="already"), alone(hosts[0]):
        pass


def test_the_folder_is_nobody_elses(tmp_path: Path) -> None:
    with alone(configured(tmp_path, "one", port=9478)):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "state" / "control.lock").stat().st_mode & 0o777 == 0o600


def test_a_state_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path, "one", port=9478)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "control.lock").mkdir()
    with pytest.raises(ConfigError, match="the state folder cannot be used: Is a directory"), alone(config):
        pass
