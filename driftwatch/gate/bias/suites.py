"""Suites by name or path: the built-in one, the published ones where they were fetched to, and one's own files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError, NotFoundError
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.loaders import bbq, crows_pairs, stereoset, winobias, winogender
from driftwatch.gate.bias.loaders.files import json_rows, read_text
from driftwatch.gate.bias.loaders.own import load_own
from driftwatch.gate.bias.loaders.templates import load_templates
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftwatch.gate.bias.pairs import Pair

BUILTIN = "builtin"

_LOADERS: Mapping[str, Callable[[Path], Suite]] = {
    "bbq": bbq.load_bbq,
    "crows-pairs": crows_pairs.load_crows_pairs,
    "stereoset": stereoset.load_stereoset,
    "winobias": winobias.load_winobias,
    "winogender": winogender.load_winogender,
}
_FILES = {"crows-pairs": crows_pairs.FILE, "stereoset": stereoset.FILE}
"""The suites that are one file; the others are a folder's."""

PUBLISHED = tuple(_LOADERS)
"""Names of the published suites that can be loaded."""


def default_folder() -> Path:
    """Return where fetched suites lie: ``driftwatch/bias`` in the user's data folder."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "driftwatch" / "bias"


def load_suite(name_or_path: str, *, folder: Path | None = None) -> Suite:
    """Return a suite.

    Args:
        name_or_path: ``builtin``; the name of a published suite, read from where it was fetched to; a path, whose
            format is told by its name and its first line; or ``NAME=PATH``, which says the format of what lies there.
        folder: of the fetched suites, one folder each; the user's own data folder by default.

    Raises:
        NotFoundError: the name is of no suite and no path, or the suite was not fetched.
        DataError: what lies there cannot be used.
    """
    if name_or_path == BUILTIN:
        return Suite(name=BUILTIN, pairs=builtin_suite())
    name, given, path = name_or_path.partition("=")
    if given and name in _LOADERS:
        return _load(name, _there(Path(path)))
    if name_or_path in _LOADERS and not Path(name_or_path).exists():
        return _fetched(name_or_path, (folder or default_folder()) / name_or_path)
    return _sniffed(_there(Path(name_or_path)))


def load_pairs(name_or_path: str) -> tuple[Pair, ...]:
    """Return the pairs of a suite that further pairs are wanted of.

    Raises:
        NotFoundError: as for ``load_suite``.
        DataError: likewise, or the suite has no pairs.
    """
    pairs = load_suite(name_or_path).pairs
    if not pairs:
        raise DataError("is a suite without pairs", where=name_or_path, cure="name a suite of paired sentences")
    return pairs


def _fetched(name: str, folder: Path) -> Suite:
    if not folder.is_dir():
        raise NotFoundError(
            f"{name} was not fetched", where=str(folder), cure=f"driftwatch bias fetch {name}, or give {name}=PATH"
        )
    return _load(name, folder)


def _load(name: str, path: Path) -> Suite:
    return _LOADERS[name](path / _FILES[name] if name in _FILES and path.is_dir() else path)


def _sniffed(path: Path) -> Suite:
    if path.suffix in {".yaml", ".yml"}:
        return load_templates(path)
    name = _of_folder(path) if path.is_dir() else _of_file(path)
    return load_own(path) if name is None else _load(name, path)


def _of_folder(path: Path) -> str:
    """Return the one suite that a folder holds, by the publisher's names of files."""
    names = {file.name for file in path.iterdir()}
    held = {
        "crows-pairs": crows_pairs.FILE in names,
        "winogender": bool(names & {winogender.SENTENCES, winogender.TEMPLATES}),
        "winobias": any(winobias.is_winobias(path / name) for name in names),
        "stereoset": stereoset.FILE in names,
    }
    found = [name for name, there in held.items() if there]
    if len(found) > 1:
        cure = f"say which, such as {found[0]}={path}"
        raise DataError(f"holds several suites: {', '.join(found)}", where=str(path), cure=cure)
    if found:
        return found[0]
    if any(name.endswith(".jsonl") for name in names):
        return "bbq"
    raise DataError("holds no suite that is known", where=str(path), cure="give a file, or NAME=PATH")


def _of_file(path: Path) -> str | None:
    """Return the published suite that a file is of; none where it is one's own."""
    if winobias.is_winobias(path):
        return "winobias"
    if path.name in {winogender.SENTENCES, winogender.TEMPLATES}:
        return "winogender"
    if path.suffix == ".json":
        return "stereoset"
    if path.suffix in {".jsonl", ".ndjson"}:
        return "bbq" if any(bbq.is_bbq(row) for _, row in list(json_rows(path))[:1]) else None
    header = read_text(path).partition("\n")[0].split(",")
    return "crows-pairs" if {"sent_more", "sent_less"} <= set(header) else None


def _there(path: Path) -> Path:
    if not path.exists():
        known = ", ".join((BUILTIN, *PUBLISHED))
        raise NotFoundError(f"{str(path)!r} is no suite and no path", cure=f"suites are {known}")
    return path
