"""WinoBias: sentences whose pronoun agrees with an occupation's majority, and the same against it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, read_text
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = re.compile(r"(?:winobias_)?(pro|anti)_stereotyped_type([12])\.(?:txt\.(dev|test)|(dev|test)\.txt)")
_NUMBER = re.compile(r"^\d+\s+")
_PRONOUNS = frozenset({"he", "she", "his", "her", "hers", "him", "himself", "herself"})
_CATEGORY = "gender"
_ALIKE = 2
"""Lines that follow each other in a file and are about the same two occupations."""


def is_winobias(path: Path) -> bool:
    """Tell whether a file's name is one of the suite's."""
    return _NAME.fullmatch(path.name) is not None


def load_winobias(path: Path) -> Suite:
    """Return the pairs of the publisher's files in a folder: line n of ``pro`` with line n of ``anti``.

    Both types and both splits are taken where they are there. A few of the publisher's lines differ in more than the
    pronoun; they are left out and counted, as their likelihoods differ for other reasons.

    Source: Zhao et al. (2018), "Gender bias in coreference resolution: Evaluation and debiasing methods", section 2.

    Args:
        path: the folder, or one of the files in it.

    Raises:
        DataError: the folder has no file of the suite, one has no partner, or two have not as many lines.
    """
    folder = path if path.is_dir() else path.parent
    files: dict[tuple[str, str], dict[str, Path]] = {}
    for file in sorted(folder.iterdir()):
        named = _NAME.fullmatch(file.name)
        if named is not None:
            files.setdefault((named[2], named[3] or named[4]), {})[named[1]] = file
    if not files:
        raise DataError("has no file of WinoBias", where=str(folder), cure="driftwatch bias fetch winobias")
    pairs: list[Pair] = []
    skips = Skips()
    for (kind, split), sides in sorted(files.items()):
        pairs.extend(_paired(f"winobias-{kind}-{split}", sides, skips))
    if not pairs:
        raise DataError("has no pair that can be used", where=str(folder), cure="driftwatch bias fetch winobias")
    return Suite(name="winobias", pairs=tuple(pairs), skipped=skips.told())


def _paired(name: str, sides: Mapping[str, Path], skips: Skips) -> list[Pair]:
    if len(sides) != 2:  # noqa: PLR2004 - for and against
        (only,) = sides.values()
        raise DataError("has no partner of the other side", where=str(only), cure="driftwatch bias fetch winobias")
    pro, anti = _sentences(sides["pro"]), _sentences(sides["anti"])
    if len(pro) != len(anti):
        what = f"has {len(anti)} lines where {sides['pro'].name} has {len(pro)}"
        raise DataError(what, where=str(sides["anti"]), cure="fetch both again")
    pairs = []
    for number, (stereotype, counter) in enumerate(zip(pro, anti, strict=True), start=1):
        if not _differ_in_pronouns(stereotype, counter):
            skips.add("the two lines differ in more than the pronoun", f"{sides['pro']}:{number}", category=_CATEGORY)
            continue
        pairs.append(
            Pair(
                id=f"{name}-{number}",
                category=_CATEGORY,
                template=f"{name}-{(number + 1) // _ALIKE}",
                stereotype=stereotype,
                counter=counter,
            )
        )
    return pairs


def _sentences(path: Path) -> list[str]:
    """Return the lines without their numbers and the brackets around who is meant."""
    lines = read_text(path).rstrip("\n").split("\n")
    return [_NUMBER.sub("", line).replace("[", "").replace("]", "").strip() for line in lines]


def _differ_in_pronouns(one: str, two: str) -> bool:
    words, others = re.findall(r"\w+|\S", one), re.findall(r"\w+|\S", two)
    apart = [{a.lower(), b.lower()} for a, b in zip(words, others, strict=False) if a != b]
    return len(words) == len(others) and bool(apart) and all(each <= _PRONOUNS for each in apart)
