"""Secrets by reference: the configuration names where a secret lies, never the secret itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMS = 'write "env:NAME", "file:/path" or "credential:NAME"'
_REFERENCE = re.compile(r"(env):([A-Za-z_][A-Za-z0-9_]*)|(credential):([A-Za-z0-9_][A-Za-z0-9_.-]*)|(file):(/.+)")
_LARGEST = 64 * 2**10


class Secret:
    """A secret that shows itself only when asked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def check_reference(reference: str) -> None:
    """Refuse what names no secret; what was written is not repeated, for it may be the secret itself.

    Raises:
        ValueError: neither of the three forms.
    """
    if not _REFERENCE.fullmatch(reference):
        raise ValueError(f"a secret is named, not written: {FORMS}")


def is_reference(words: str) -> bool:
    """Whether this names a secret."""
    return _REFERENCE.fullmatch(words) is not None


def read_secret(reference: str, *, environ: Mapping[str, str]) -> Secret:
    """Fetch a secret from where its reference says; a file's trailing newline is not part of it.

    Args:
        reference: ``env:NAME``, ``file:/path``, or ``credential:NAME`` in systemd's ``$CREDENTIALS_DIRECTORY``.
        environ: the environment.

    Raises:
        ConfigError: it is not there, empty, or cannot be read.
    """
    check_reference(reference)
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = environ.get(name, "")
    else:
        value = _content(reference, Path(name) if kind == "file" else _credential(name, environ))
    if not value:
        raise ConfigError("the secret is missing or empty", where=reference, cure=_CURES[kind])
    return Secret(value)


def secret_file(reference: str, *, environ: Mapping[str, str]) -> Path | None:
    """Return the file that a secret is read from; None where it is a variable.

    Raises:
        ConfigError: there is no credentials directory.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        return None
    return Path(name) if kind == "file" else _credential(name, environ)


_CURES = {
    "env": "set the environment variable",
    "file": "write the secret into the file",
    "credential": "add LoadCredential= to the unit",
}


def _credential(name: str, environ: Mapping[str, str]) -> Path:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        cure = "run under systemd with LoadCredential=, or use file: or env:"
        raise ConfigError("there is no credentials directory", where=f"credential:{name}", cure=cure)
    return Path(folder) / name


def _content(reference: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode().rstrip("\r\n")
    except OSError as error:
        cure = "check the path and its permissions"
        raise ConfigError(f"the secret cannot be read: {error.strerror}", where=reference, cure=cure) from None
    except UnicodeDecodeError:
        raise ConfigError("the secret is not UTF-8 text", where=reference, cure="write it as text") from None
