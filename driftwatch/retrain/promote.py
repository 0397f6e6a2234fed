"""Promotion on disk: a version's folder, then the pointer that serving stacks follow; every step may be repeated.

Whoever loads a model resolves ``current`` once and reads the version's own folder: file by file through the link, a
load that falls into the swap would get one version's configuration and another's weights.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec

from driftwatch import __version__
from driftwatch.domain.errors import ConflictError, ModelError, NotFoundError
from driftwatch.domain.run import Recipe, Verdict  # noqa: TC001 - msgspec reads the annotations
from driftwatch.retrain.folders import MANIFEST, differs, file_hashes, flush, write_whole, written_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CARD = "card.json"
"""Name of the data card's copy in a version's folder."""

CURRENT = "current"
"""Name of the symbolic link to the version in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionManifest:
    """What a model version is and where it came from.

    Args:
        version: its name and folder.
        parent: the version it was trained from; None for a stream's first.
        run: the run that made it; None for a model brought by hand.
        created_at: when it was written.
        digest: identity of weights, configuration and tokenizer.
        recipe: how it was trained, whole; None where no run made it, or an older driftwatch did.
        verdicts: what the gates said of it.
        card: SHA-256 of its data card, which lies beside it as ``card.json``; None where there is none.
        code: version of the driftwatch that wrote it; None where that was not noted yet.
        files: SHA-256 by file name; filled in, like card and code, when the folder is written.
    """

    version: str
    parent: str | None
    run: str | None
    created_at: datetime
    digest: str
    recipe: Recipe | None = None
    verdicts: tuple[Verdict, ...] = ()
    card: str | None = None
    code: str | None = None
    files: dict[str, str] = field(default_factory=dict)


def add_version(candidate: Path, models: Path, manifest: VersionManifest, *, card: Path | None = None) -> Path:
    """Copy a model folder to ``models/<version>`` with its manifest; a no-op when it is already there.

    Args:
        candidate: folder of the model.
        models: the stream's versions.
        manifest: what it is and where it came from.
        card: its run's data card, which is copied beside the model.

    Returns:
        The version's folder.

    Raises:
        ConflictError: another model has that version.
        ModelError: the candidate's folder is missing.
    """
    target = models / manifest.version
    if not candidate.is_dir():
        if target.exists():
            return target
        raise ModelError("there is no model folder to promote", where=str(candidate))
    if target.exists():
        return _same(target, candidate, manifest.version)
    models.mkdir(parents=True, exist_ok=True)
    with written_aside(target) as aside:
        shutil.copytree(candidate.resolve(), aside, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
        if card is not None:
            shutil.copyfile(card, aside / CARD)
        files = file_hashes(aside)
        whole = replace(manifest, files=files, card=files.get(CARD), code=__version__)
        (aside / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(whole)))
    return target


def point_current(models: Path, version: str) -> Path:
    """Let ``current`` name the version by one atomic rename; promotion and rollback are the same move.

    Returns:
        The version's resolved folder, which is what a reload hook gets.

    Raises:
        NotFoundError: there is no such version.
        ModelError: the version's folder is not as it was written.
        ConflictError: a folder stands where the link should be.
    """
    folder = models / version
    check_version(folder)
    if (models / CURRENT).is_dir() and not (models / CURRENT).is_symlink():
        raise ConflictError(
            "this must be a symbolic link, not a folder", where=str(models / CURRENT), cure="move it away"
        )
    if current_version(models) != version:
        link = models / f".{CURRENT}.writing"
        link.unlink(missing_ok=True)
        link.symlink_to(version, target_is_directory=True)
        link.replace(models / CURRENT)
        flush(models)
    return folder.resolve()


def current_version(models: Path) -> str | None:
    """Return the version that ``current`` names; None where there is no such link."""
    try:
        return (models / CURRENT).readlink().name
    except OSError:
        return None


def check_version(folder: Path) -> VersionManifest:
    """Return the version's manifest after holding every file against it.

    Raises:
        NotFoundError: there is no such version.
        ModelError: its manifest cannot be read, or a file changed.
    """
    manifest = read_manifest(folder)
    if changed := differs(folder, manifest.files):
        raise ModelError("a file of the model version is not as it was written", where=str(folder / changed))
    return manifest


def read_manifest(folder: Path) -> VersionManifest:
    """Return the version's manifest as it stands.

    Raises:
        NotFoundError: there is no such version.
        ModelError: its manifest cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no model version {folder.name}", where=str(folder.parent))
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=VersionManifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelError(f"the version's manifest cannot be read: {error}", where=str(folder / MANIFEST)) from error


def _same(target: Path, candidate: Path, version: str) -> Path:
    held = check_version(target)
    if changed := _first_change(file_hashes(candidate.resolve()), held.files):
        raise ConflictError(f"model version {version} exists already and differs in {changed}", where=str(target))
    return target


def _first_change(model: Mapping[str, str], held: Mapping[str, str]) -> str | None:
    """Return the first file in which a model and a version differ; the card came from elsewhere and does not count."""
    names = sorted({*model, *held} - {CARD})
    return next((name for name in names if model.get(name) != held.get(name)), None)


def forget_card(folder: Path, forget: Callable[[Path], object]) -> None:
    """Change the data card beside a model, where there is one; the manifest follows, the model stays as it is.

    Args:
        folder: of the version.
        forget: changes the card's file.
    """
    if not (folder / CARD).is_file():
        return
    manifest = read_manifest(folder)
    forget(folder / CARD)
    files = file_hashes(folder)
    whole = replace(manifest, files={**manifest.files, CARD: files[CARD]}, card=files[CARD])
    write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(whole)))
