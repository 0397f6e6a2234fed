"""Templates of one's own: contrasts in YAML, as the built-in suite's, in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.contrasts import Contrast, named_twice, pairs_of
from driftwatch.gate.bias.loaders.files import Skips, read_text
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from driftwatch.gate.bias.pairs import Pair

_KEYS = frozenset({"first", "second", "note", "terms", "templates", "who", "directed"})
_CURE = "see docs/bias-suites.md for the form"


def load_templates(path: Path) -> Suite:
    """Return the pairs that a file of templates makes: lists of contrasts by category.

    Raises:
        DataError: the file is no YAML or not of the form, a key is unknown, a template has not one group and one
            choice, a contrast has no terms or templates, a term names two groups, or two templates make the same pair.
    """
    contrasts = _contrasts(path)
    twice = named_twice(contrasts)
    if twice is not None:
        raise DataError(f"the term {twice!r} names two groups", where=str(path), cure="name each group once")
    try:
        pairs = tuple(pairs_of(contrasts))
    except ValueError as error:
        raise DataError(str(error), where=str(path), cure=_CURE) from None
    kept, skips = [], Skips()
    for pair in pairs:
        if pair.stereotype == pair.counter:
            skips.add("both texts are equal", f"{path}:{pair.id}", category=pair.category)
        else:
            kept.append(pair)
    _check(path, kept)
    emptied = skips.emptied(pair.category for pair in kept)
    return Suite(name=path.stem, pairs=tuple(kept), skipped=skips.told(), emptied=emptied)


def _contrasts(path: Path) -> Mapping[str, tuple[Contrast, ...]]:
    import yaml

    text = read_text(path)
    try:
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"is no YAML: {error.problem}", where=f"{path}:{line}", cure=_CURE) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"is no YAML: {error}", where=str(path), cure=_CURE) from None
    try:
        contrasts = msgspec.convert(data, dict[str, tuple[Contrast, ...]])
        msgspec.json.encode(contrasts)
    except UnicodeEncodeError:
        cure = "write characters beyond \\uffff as they are, or as both halves"
        raise DataError("holds half a character", where=str(path), cure=cure) from None
    except msgspec.ValidationError as error:
        raise DataError(f"is no file of templates: {error}", where=str(path), cure=_CURE) from None
    for name, each, keys in _entries(data, contrasts):
        unknown = sorted(keys - _KEYS)
        if unknown:
            raise DataError(f"{name} has an unknown key {unknown[0]!r}", where=str(path), cure=_CURE)
        empty = [
            key for key, value in (("terms", each.terms), ("templates", each.templates), ("who", each.who)) if not value
        ]
        if empty:
            raise DataError(f"{name} has no {empty[0]}", where=str(path), cure=_CURE)
    return contrasts


def _entries(
    data: Mapping[str, list[dict[str, object]]], contrasts: Mapping[str, tuple[Contrast, ...]]
) -> Iterator[tuple[str, Contrast, frozenset[str]]]:
    """Yield each contrast with its name and the keys that it was written with."""
    for category, of in contrasts.items():
        for number, (each, written) in enumerate(zip(of, data[category], strict=True), start=1):
            yield f"{category}-{number}", each, frozenset(written)


def _check(path: Path, pairs: list[Pair]) -> None:
    if not pairs:
        raise DataError("makes no pair", where=str(path), cure=_CURE)
    made: dict[frozenset[str], str] = {}
    for pair in pairs:
        texts = frozenset((pair.stereotype, pair.counter))
        if texts in made:
            raise DataError(f"{pair.id} makes the same pair as {made[texts]}", where=str(path), cure="leave one out")
        made[texts] = pair.id
