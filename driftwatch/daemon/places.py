"""Which folders to look at so that no change of the policy files goes unseen, and what the files hold."""

from __future__ import annotations

import os
import stat
from collections import deque
from glob import glob, has_magic
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_LINKS = 40
"""Symbolic links on the way to a file, as many as Linux follows."""

_LARGEST = 2**21
"""Bytes of a file that are read; larger ones are refused by the loader, whatever they hold."""


def folders(patterns: Iterable[str]) -> frozenset[Path]:
    """Return every folder in which a change may change what the patterns name, without the folders within.

    Besides the files' own folders those are the folders around them (which may be removed and made again), and those of
    every symbolic link on the way, so that swapping a link is seen too, as a release of a configuration tool or a
    ConfigMap of Kubernetes does.

    Args:
        patterns: of files, absolute.
    """
    found: set[Path] = set()
    for pattern in patterns:
        for place in (_fixed(pattern), *glob(os.path.dirname(pattern)), *glob(pattern)):  # noqa: PTH120, PTH207 - patterns
            found.update(_on_the_way(Path(place)))
    return frozenset(found)


def contents(patterns: Iterable[str]) -> str:
    """Return a digest of what the files hold that the patterns name; what cannot be read counts by its error."""
    digest = blake2b(digest_size=16)
    for file in sorted({file for pattern in patterns for file in glob(pattern)}):  # noqa: PTH207 - absolute patterns
        held = _held(file)
        digest.update(f"{len(file)} {file} {len(held)} ".encode(errors="surrogateescape"))
        digest.update(held)
    return digest.hexdigest()


def _held(file: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):  # noqa: PTH116 - reading a pipe would wait for ever
            return b"no file"
        with open(file, "rb") as opened:  # noqa: PTH123 - names as they come, whatever their encoding
            return b"=" + opened.read(_LARGEST)
    except OSError as error:
        return f"error {error.errno}".encode()


def _fixed(pattern: str) -> str:
    """Return the innermost folder of a pattern that has a name of its own."""
    folder = os.path.dirname(pattern)  # noqa: PTH120 - a pattern is no path
    while has_magic(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120 - likewise
    return folder


def _on_the_way(path: Path) -> Iterator[Path]:
    """Yield the folders on the way to a file or folder in which something may be exchanged."""
    here, links = Path("/"), 0
    parts = deque(path.absolute().parts[1:])
    while parts and links <= _MOST_LINKS:
        part = parts.popleft()
        if part == "..":
            here = here.parent
        elif (step := here / part).is_symlink():
            yield here
            links += 1
            target = step.readlink()
            here = Path("/") if target.is_absolute() else here
            parts.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
        elif step.exists():
            here = step
        else:
            break
    yield here.parent
    if here.is_dir():
        yield here
