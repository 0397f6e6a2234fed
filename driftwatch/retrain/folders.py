"""Folders that appear whole or not at all: written aside, hashed, flushed to disk, renamed."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST = "driftwatch.json"
"""Name of the file that lists a folder's other files with their hashes; always written last."""

_CHUNK = 1 << 20


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under the folder by its relative path, but the manifest's."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {name: _sha256(file) for file in files if (name := file.relative_to(folder).as_posix()) != MANIFEST}


def differs(folder: Path, expected: Mapping[str, str]) -> str | None:
    """Return the first file that is missing, added or changed; None when the folder is as it was written."""
    found = file_hashes(folder)
    return next((name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)), None)


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Give an empty folder to write into; once the block ends well it is flushed and renamed to ``target``.

    What an earlier, interrupted attempt left aside is removed first, and so is what does not fit the disk. ``target``
    must not exist.
    """
    aside = target.with_name(f".{target.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        publish(aside, target)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def publish(aside: Path, target: Path) -> None:
    """Flush everything under ``aside`` to disk and rename it to ``target``."""
    for path in (*sorted(aside.rglob("*")), aside):
        flush(path)
    aside.rename(target)
    flush(target.parent)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.writing")
    aside.write_bytes(content)
    flush(aside)
    aside.replace(file)
    flush(file.parent)


def flush(path: Path) -> None:
    """Make a file's content, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
