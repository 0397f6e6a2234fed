"""Whether the model that a run begins from is the one that was promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import ModelError, NotFoundError
from driftwatch.retrain.folders import MANIFEST, file_hashes
from driftwatch.retrain.promote import check_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def check_champion(folder: Path, *, promoted: bool) -> Mapping[str, str]:
    """Hold every file of the champion against its manifest before anything is learnt from it.

    Args:
        folder: of the model.
        promoted: whether it must have a manifest, as every promoted model has; otherwise one that has none, such as a
            model as it was downloaded, is taken as it is.

    Returns:
        The SHA-256 of each of its files.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        return _files(folder, promoted=promoted)
    except (ModelError, NotFoundError) as error:
        raise ModelError(
            f"the model to retrain is missing or damaged: {error.what}",
            where=error.where or str(folder),
            cure="restore its folder from a backup, or driftwatch runs rollback; the rule asks again",
        ) from error


def _files(folder: Path, *, promoted: bool) -> Mapping[str, str]:
    if not folder.is_dir():
        raise NotFoundError("there is no champion to train from", where=str(folder))
    if promoted or (folder / MANIFEST).is_file():
        return check_version(folder.resolve()).files
    return file_hashes(folder.resolve())
