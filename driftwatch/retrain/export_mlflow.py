"""Registers a kept model in an MLflow model registry: files, recipe, verdicts, tags, and the alias ``champion``."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.retrain.export import CHAMPION, ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient

    from driftwatch.domain.secrets import Secret
    from driftwatch.retrain.export import MlflowSettings
    from driftwatch.retrain.promote import VersionManifest

VERSION = "driftwatch.version"
"""Tag by which a model version is found again."""
_DIGITS = 12


class MlflowExporter:
    """One registered model.

    Args:
        settings: where.
        stream: whose models; names the registered model where the settings don't.
        token: of the server.
    """

    name = "mlflow"

    def __init__(self, settings: MlflowSettings, *, stream: str, token: Secret | None = None) -> None:
        self._settings = settings
        self._model = settings.model or stream
        self._token = token

    def export(self, folder: Path, manifest: VersionManifest) -> str:
        """Register a version, once however often it is asked, and let the alias ``champion`` name it.

        Raises:
            ExportError: MLflow is not installed, cannot be reached or refuses.
        """
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when the package is imported
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise ExportError("MLflow is not installed", cure="pip install 'driftwatchd[mlflow]'") from error
        with _authorised(self._token):
            try:
                client = MlflowClient(tracking_uri=self._settings.tracking, registry_uri=self._settings.tracking)
                number = self._known(client, manifest) or self._registered(client, folder, manifest)
                client.set_registered_model_alias(self._model, CHAMPION, number)
            except (MlflowException, OSError) as error:
                raise ExportError(f"MLflow did not take the model: {error}", where=self._model) from error
        return f"model {self._model}, version {number}"

    def _known(self, client: MlflowClient, manifest: VersionManifest) -> str | None:
        """Return the number of the version if it is registered already."""
        of = f"name = '{self._model}' and tags.`{VERSION}` = '{manifest.version}'"
        found = client.search_model_versions(of)
        return str(found[0].version) if found else None

    def _registered(self, client: MlflowClient, folder: Path, manifest: VersionManifest) -> str:
        tags = _tags(manifest)
        run = client.create_run(self._experiment(client), tags=tags, run_name=manifest.version)
        run_id = run.info.run_id
        for name, value in _parameters(manifest).items():
            client.log_param(run_id, name, value)
        for name, figure in _figures(manifest).items():
            client.log_metric(run_id, name, figure)
        client.log_artifacts(run_id, str(folder), "model")
        client.set_terminated(run_id)
        if not client.search_registered_models(f"name = '{self._model}'"):
            client.create_registered_model(self._model)
        source = f"{run.info.artifact_uri}/model"
        return str(client.create_model_version(self._model, source, run_id, tags=tags).version)

    def _experiment(self, client: MlflowClient) -> str:
        name = f"driftwatch/{self._model}"
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=self._settings.artifacts))


def _tags(manifest: VersionManifest) -> dict[str, str]:
    tags = {
        VERSION: manifest.version,
        "driftwatch.parent": manifest.parent,
        "driftwatch.run": manifest.run,
        "driftwatch.digest": manifest.digest,
        "driftwatch.card": manifest.card,
        "driftwatch.code": manifest.code,
    }
    return {name: value for name, value in tags.items() if value is not None}


def _parameters(manifest: VersionManifest) -> dict[str, str]:
    import msgspec

    if manifest.recipe is None:
        return {}
    return {f"recipe.{name}": str(value) for name, value in msgspec.to_builtins(manifest.recipe).items()}


def _figures(manifest: VersionManifest) -> dict[str, float]:
    """Return every gate's figures with their intervals, of each gate's last round."""
    last = {verdict.gate: verdict for verdict in sorted(manifest.verdicts, key=lambda verdict: verdict.round)}
    return {
        f"{gate}/{measure.name}{suffix}": round(value, _DIGITS)
        for gate, verdict in last.items()
        for measure in verdict.measures
        for suffix, value in (("", measure.value), ("/low", measure.low), ("/high", measure.high))
    }


@contextmanager
def _authorised(token: Secret | None) -> Iterator[None]:
    """Hand MLflow the token the only way it takes one; the export runs in a process of its own."""
    variable = "MLFLOW_TRACKING_TOKEN"
    before = os.environ.get(variable)
    if token is not None:
        os.environ[variable] = token.reveal()
    try:
        yield
    finally:
        if token is not None:
            os.environ.pop(variable)
            if before is not None:
                os.environ[variable] = before
