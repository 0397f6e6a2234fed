"""Where kept models are registered besides our own ledger: settings, and which version each place has.

The ledger stays ours: a registry's aliases keep no history, and what cannot be reached never undoes a promotion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.secrets import check_reference
from driftwatch.domain.urls import check_url
from driftwatch.retrain.folders import flush

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.retrain.promote import VersionManifest

CHAMPION = "champion"
"""Alias (MLflow) and tag prefix of the model that serves."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class ExportError(DriftwatchError):
    """A model could not be registered elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowSettings:
    """An MLflow model registry; needs ``pip install 'driftwatchd[mlflow]'``.

    Args:
        tracking: its URI, such as ``http://127.0.0.1:5000`` or ``sqlite:////var/lib/mlflow/mlflow.db``.
        model: registered model's name; None for the stream's.
        token: reference of the secret that is its bearer token, such as ``file:/etc/driftwatch/mlflow``.
        artifacts: where a local store keeps its files, used when the experiment is made; None for MLflow's own choice.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    tracking: str
    model: str | None = None
    token: str | None = None
    artifacts: str | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        if "://" not in self.tracking:
            raise ValueError("tracking is a URI, such as http://host:5000 or sqlite:////path/mlflow.db")
        if self.token is not None:
            check_reference(self.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """A repository on a hub; needs ``pip install 'driftwatchd[hub]'``.

    Args:
        repository: ``owner/name``; made, private, where it is missing.
        token: reference of the secret that is the access token, such as ``file:/etc/driftwatch/hub``.
        endpoint: the hub's root; None for huggingface.co.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    repository: str
    token: str
    endpoint: str | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        if not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f'the repository is "owner/name", not "{self.repository}"')
        check_reference(self.token)
        if self.endpoint is not None:
            check_url(self.endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Where kept models go besides; nowhere unless named."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    mlflow: MlflowSettings | None = None
    hub: HubSettings | None = None

    @property
    def wanted(self) -> bool:
        """Whether any place is named."""
        return self.mlflow is not None or self.hub is not None


class Exporter(Protocol):
    """One place that takes models."""

    @property
    def name(self) -> str:
        """Of the place, in records."""
        ...

    def export(self, folder: Path, manifest: VersionManifest) -> str:
        """Register a version as the one that serves, once however often it is asked; return what it is called there.

        Raises:
            ExportError: it could not be; what is there may be incomplete and is completed by the next attempt.
        """
        ...


def exported(models: Path, place: str) -> str | None:
    """Return the version that a place was last given as the one that serves; None where there was none."""
    try:
        return _note(models, place).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def note_exported(models: Path, place: str, version: str) -> None:
    """Note durably that a place has a version."""
    note = _note(models, place)
    aside = note.with_name(f"{note.name}.writing")
    aside.write_text(version, encoding="utf-8")
    flush(aside)
    aside.replace(note)
    flush(models)


def _note(models: Path, place: str) -> Path:
    return models / f".exported.{place}"
