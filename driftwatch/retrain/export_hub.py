"""Uploads a kept model to a hub: one commit and one tag a version, the newest commit is the model that serves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftwatch.retrain.export import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.secrets import Secret
    from driftwatch.retrain.export import HubSettings
    from driftwatch.retrain.promote import VersionManifest


_OURS = ("*.safetensors", "*.json", "*.model", "vocab.txt", "merges.txt", "*.jinja", "adapter/*")
"""Files of the model before that must not stay beside this one's; what people wrote there, such as a README, stays."""


class HubExporter:
    """One repository.

    Args:
        settings: where.
        token: of access.
    """

    name = "hub"

    def __init__(self, settings: HubSettings, *, token: Secret) -> None:
        self._settings = settings
        self._token = token

    def export(self, folder: Path, manifest: VersionManifest) -> str:
        """Upload a version's folder; files that are there already are not sent again.

        Raises:
            ExportError: huggingface_hub is not installed, or the hub cannot be reached or refuses.
        """
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the package is imported
        try:
            import httpx2
            from huggingface_hub import HfApi
            from huggingface_hub.errors import HfHubHTTPError, HFValidationError
        except ImportError as error:
            raise ExportError("huggingface_hub is not installed", cure="pip install 'driftwatchd[hub]'") from error
        repository = self._settings.repository
        try:
            hub = HfApi(endpoint=self._settings.endpoint, token=self._token.reveal(), library_name="driftwatch")
            hub.create_repo(repository, private=True, exist_ok=True)
            commit = hub.upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message=f"{manifest.version}, from {manifest.parent} by {manifest.run}",
                delete_patterns=list(_OURS),
            )
            hub.create_tag(repository, tag=manifest.version, revision=commit.oid, exist_ok=True)
        except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError) as error:
            raise ExportError(f"the hub did not take the model: {error}", where=repository) from error
        return f"{repository} at {commit.oid}"
