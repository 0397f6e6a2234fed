"""A log under all its names: the file that is written, and the older ones beside it."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, cast

import structlog

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

HEAD = 1_024
"""Bytes of a file's beginning that it is known by."""

_NUMBER = re.compile(r"[._-]?\d[\dTZ:._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a log was read.

    Args:
        generation: number of files finished before this one.
        offset: bytes of it read, up to the end of a line.
        inode: of the file.
        head: hash of its first bytes, to know it again under another name.
        head_bytes: how many bytes that hash is of.
    """

    generation: int = 0
    offset: int = 0
    inode: int = 0
    head: str = ""
    head_bytes: int = 0


def find(path: Path, position: Position) -> tuple[Path, Position] | None:
    """Return the file that the position is in and where in it, or None where there is nothing to read."""
    if not position.head:
        return (path, position) if path.is_file() else None
    here = [path] if path.is_file() else []
    same = [file for file in (*here, *_beside(path)) if _is_same(file, position)]
    if same:
        # Of files that begin alike, the one that was read is the one with its inode; one being compressed comes last.
        return min(same, key=lambda file: (_inode(file) != position.inode, file.suffix == ".gz")), position
    if not here:
        return None
    log.warning("log_cut_off", path=str(path), generation=position.generation)
    return path, Position(generation=position.generation + 1)


def next_position(file: Path, path: Path, position: Position) -> Position | None:
    """Return where to go on after a rotated file, or None while it may still grow.

    The writer of a file just renamed may go on writing to it until it has opened the new one: only when a later file
    has something in it is it finished. The reader may have missed several rotations.
    """
    for later in _later(file, path):
        head = _head(later)
        if later == path and b"\n" not in head and len(head) < HEAD:
            return None  # half a line is too little to know it by
        if head:
            return Position(
                generation=position.generation + 1, inode=_inode(later), head=_hash(head), head_bytes=len(head)
            )
    return None


def begins_with(head: bytes, position: Position) -> bool:
    """Whether a file with this beginning is the one that the position is in."""
    return not position.head or _hash(head[: position.head_bytes]) == position.head


def fingerprinted(position: Position, head: bytes, file: Path) -> Position:
    """Know the file by as much of its beginning as was read: those bytes never change again."""
    size = min(position.offset, HEAD, len(head))
    if size <= position.head_bytes:
        return position
    return replace(position, head=_hash(head[:size]), head_bytes=size, inode=file.stat().st_ino)


def opened(file: Path) -> BinaryIO:
    """Open a file, unpacking a compressed one."""
    return cast("BinaryIO", gzip.open(file, "rb")) if file.suffix == ".gz" else file.open("rb")


def _is_same(file: Path, position: Position) -> bool:
    try:
        with opened(file) as stream:
            head = stream.read(position.head_bytes)
            if len(head) < position.head_bytes or not begins_with(head, position):
                return False
            if file.suffix == ".gz":
                return True
            return os.fstat(stream.fileno()).st_size >= position.offset
    except (OSError, EOFError, zlib.error):
        return False


def _beside(path: Path) -> list[Path]:
    """Return the files beside the log that may be older parts of it, the oldest first."""
    try:
        beside = [each for each in path.parent.iterdir() if each.name != path.name and _suffix(each, path) is not None]
        return sorted(beside, key=lambda each: (each.stat().st_mtime_ns, each.name))
    except OSError:
        return []


def _later(file: Path, path: Path) -> list[Path]:
    """Return the files written after a rotated one, the log itself last.

    ``log.1``, ``log-20260101.gz`` and the like are parts of the log; ``log.lock`` and ``log-errors`` may be anything.
    """
    beside = _beside(path)
    after = beside[beside.index(file) + 1 :] if file in beside else []
    whole = file.name.removesuffix(".gz")
    parts = [each for each in after if _NUMBER.fullmatch(_suffix(each, path) or "")]
    return [*(each for each in parts if each.name.removesuffix(".gz") != whole), path]


def _suffix(file: Path, path: Path) -> str | None:
    """Return what a rotated file's name has beyond the log's, as in ``log.1``, ``log-20260101.gz``, ``app-1.log``."""
    name = file.name.removesuffix(".gz")
    if name.startswith(path.name):
        rest = name[len(path.name) :]
        return rest if rest[:1] in (".", "-", "_", "") else None
    if name.startswith(path.stem + "-") and name.endswith(path.suffix):
        return name[len(path.stem) : len(name) - len(path.suffix)]
    return None


def _head(file: Path) -> bytes:
    try:
        with opened(file) as stream:
            return stream.read(HEAD)
    except FileNotFoundError:
        return b""


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return 0


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
