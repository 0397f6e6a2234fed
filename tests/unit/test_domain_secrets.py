"""Secrets by reference, and settings that check themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from driftwatch.alert.settings import AlertmanagerSettings, AlertSettings, WebhookSettings
from driftwatch.domain.errors import ConfigError
from driftwatch.domain.secrets import Secret, read_secret

if TYPE_CHECKING:
    from pathlib import Path


def test_a_secret_comes_from_the_environment() -> None:
    assert read_secret("env:HOOK", environ={"HOOK": "x"}).reveal() == "x"


def test_a_secret_comes_from_a_file_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("käse\n")
    assert read_secret(f"file:{tmp_path}/s", environ={}).reveal() == "käse"


def test_a_secret_comes_from_systemd_s_credentials(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("x")
    assert read_secret("credential:hook", environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal() == "x"


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("s3cret")
    assert "s3cret" not in f"{secret} {secret!r} {[secret]}"
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("env:HOOK", "missing or empty"),
        ("file:/nowhere/at/all", "cannot be read: No such file"),
        ("file:/tmp", "cannot be read: Is a directory"),
        ("credential:hook", "no credentials directory"),
    ],
)
def test_a_secret_that_is_not_there_is_named(reference: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as raised:
        read_secret(reference, environ={})
    assert raised.value.where == reference
    assert raised.value.cure


def test_a_file_that_is_no_text_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_secret(f"file:{tmp_path}/s", environ={})


@pytest.mark.parametrize(
    "reference", ["s3cret", "", "env:", "env:1X", "file:relative", "credential:../x", "credential:", "vault:x", "ENV:X"]
)
def test_what_names_no_secret_is_refused_unrepeated(reference: str) -> None:
    with pytest.raises(ValueError, match="named, not written") as raised:
        WebhookSettings(url="http://h/", secret=reference)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "no URL"),
        ("hook.example.org/x", "no URL"),
        ("ftp://h/", "no URL"),
        ("http://", "no URL"),
        ("http://h:99999/", "no URL"),
        ("http://[::1/", "no URL"),
        ("http://h/a b", "no URL"),
        ("https://user:word@h/", "user name or password"),
    ],
)
def test_what_is_no_url_is_refused(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        WebhookSettings(url=url)
    with pytest.raises(ValueError, match=what):
        AlertmanagerSettings(url=url)


def test_durations_out_of_reason_are_refused() -> None:
    with pytest.raises(ValueError, match="timeout"):
        WebhookSettings(url="http://h/", timeout=timedelta(0))
    with pytest.raises(ValueError, match="resend"):
        AlertmanagerSettings(url="http://h/", resend=timedelta(days=1))
    with pytest.raises(ValueError, match="no URL"):
        AlertmanagerSettings(url="http://h/", link="here")


def test_misspelt_settings_are_refused_by_pydantic() -> None:
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(AlertSettings)
    assert adapter.validate_python({"webhook": {"url": "http://h/"}}).webhook == WebhookSettings(url="http://h/")
    with pytest.raises(ValidationError, match="urll"):
        adapter.validate_python({"webhook": {"url": "http://h/", "urll": "x"}})
