"""Which model versions stay on disk: the newest, and whatever something still needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from driftwatch.domain.errors import DriftwatchError
from driftwatch.retrain.folders import MANIFEST, flush
from driftwatch.retrain.promote import current_version, read_manifest

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LEAST = 2
"""The serving model and the one to roll back to."""
_GOING = ".deleting"
_COMING = ".writing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """How many model versions are kept.

    Args:
        keep: newest versions on disk; the serving model, its predecessor and what a run or reference needs always stay.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    keep: int = 5

    def __post_init__(self) -> None:
        """Refuse to keep less than a rollback takes."""
        if self.keep < LEAST:
            raise ValueError("keep must be at least 2: the serving model and its predecessor")


def prune_versions(models: Path, *, keep: int, needed: Collection[str]) -> tuple[str, ...]:
    """Delete old versions; each disappears at once by a rename, and what a kill left of one is deleted next time.

    No version may be written meanwhile.

    Args:
        models: the stream's versions.
        keep: newest versions that stay.
        needed: versions that stay, however old.

    Returns:
        The versions that are gone, oldest last.
    """
    for left in (*models.glob(f".*{_GOING}"), *models.glob(f".*{_COMING}")):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
    stays = {*needed, current_version(models)}
    old = [version for version in _newest_first(models)[keep:] if version not in stays]
    for version in old:
        aside = models / f".{version}{_GOING}"
        (models / version).rename(aside)
        flush(models)
        shutil.rmtree(aside, ignore_errors=True)
    return tuple(old)


def _newest_first(models: Path) -> list[str]:
    """Return the versions whose manifests can be read; what cannot be dated is left for a person to look at."""
    dated = []
    for folder in models.iterdir() if models.is_dir() else ():
        if folder.is_symlink() or folder.name.startswith(".") or not (folder / MANIFEST).is_file():
            continue
        try:
            dated.append((read_manifest(folder).created_at, folder.name))
        except DriftwatchError:
            continue
    return [name for _, name in sorted(dated, reverse=True)]
