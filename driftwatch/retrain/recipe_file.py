"""One recipe file: TOML with a line for each setting, checked to its line and column."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from driftwatch.domain.errors import ConfigError
from driftwatch.domain.excerpt import excerpt
from driftwatch.domain.run import Recipe
from driftwatch.retrain.recipe_values import beyond, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LARGEST = 1 << 16
"""Bytes of a recipe file; larger ones are refused."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_AT = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_LIKE = "like"
_REPLACES = "replaces_builtin"
_ADAPTERS = ("rank", "alpha", "dropout", "targets", "keep_adapter")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFile:
    """A file that was read: its recipe, whether it may take a built-in one's name, and where it all stands."""

    recipe: Recipe
    replaces_builtin: bool
    source: RecipeSource

    def misnamed(self, what: str, cure: str) -> str:
        """Return what is wrong with its name beside the others'; the name is the file's, so its first line is shown."""
        return self.source.mistake(what, cure)

    def replaces_nothing(self, what: str, cure: str) -> str:
        """Return what is wrong with the line that lets it take a built-in one's name."""
        return self.source.mistake(what, cure, key=_REPLACES)


@dataclass(frozen=True, slots=True)
class RecipeSource:
    """A file's text, in which every setting's place can be found."""

    path: Path
    text: str

    def mistake(self, what: str, cure: str, *, key: str | None = None, value: bool = False) -> str:
        """Return what is wrong, at a key, at its value, or at the file's start; its line stands below, with a caret."""
        return self.at(f"{what} ({cure})", *self._place(key, value=value))

    def at(self, what: str, line: int, column: int) -> str:
        """Return what is wrong at a place."""
        shown = excerpt(self.text, line=line, column=column)
        return f"{self.path}:{line}:{column}: {what}" + (f"\n{shown}" if shown else "")

    def _place(self, key: str | None, *, value: bool) -> tuple[int, int]:
        for number, line in enumerate(self.text.splitlines(), start=1):
            match = re.match(rf"""\s*\[*\s*["']?({re.escape(key)})["']?\s*(?:=\s*|\.|\])""", line) if key else None
            if match:
                return number, (match.end() if value else match.start(1)) + 1
        return 1, 1


def read_recipe(path: Path, *, known: Mapping[str, Recipe]) -> RecipeFile:
    """Read one file.

    Args:
        path: of the file; the recipe is named like it.
        known: recipes that the file may begin from (``like = "full"``).

    Raises:
        ConfigError: everything that is wrong with it.
    """
    source = RecipeSource(path, _read(path))
    raw = _parsed(source)
    mistakes: list[str] = []
    if not _NAME.fullmatch(path.stem):
        mistakes.append(source.mistake(f'"{path.stem}" is no name for a recipe', "use small letters, digits and . _ -"))
    replaces = _flag(raw.pop(_REPLACES, False), source, mistakes)
    recipe = replace(_base(raw.pop(_LIKE, None), source, known, mistakes), name=path.stem)
    values = _values(raw, source, mistakes)
    recipe = replace(recipe, **values)
    for key, what, cure in beyond(recipe):
        mistakes.append(source.mistake(what, cure, key=key, value=True))
    if recipe.method != "lora":
        mistakes += [
            source.mistake(
                f'"{key}" has no meaning with method {recipe.method}', "remove it, or set method to lora", key=key
            )
            for key in _ADAPTERS
            if key in raw
        ]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return RecipeFile(recipe=recipe, replaces_builtin=replaces, source=source)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"it cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > LARGEST:
        raise ConfigError(f"it is larger than {LARGEST // 1024} KiB", where=str(path), cure="a recipe is a few lines")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"byte {error.start} is not UTF-8", where=str(path), cure="save it as UTF-8") from None


def _parsed(source: RecipeSource) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        match = _AT.match(str(error))
        what = match[1] if match else str(error)
        lines = source.text.splitlines() or [""]
        line, column = (match[2], match[3]) if match and match[2] else (len(lines), len(lines[-1]) + 1)
        said = f"this is no TOML: {what[:1].lower()}{what[1:]}"
        raise ConfigError(source.at(said, int(line), int(column))) from None


def _flag(value: object, source: RecipeSource, mistakes: list[str]) -> bool:
    if not isinstance(value, bool):
        mistakes.append(source.mistake("this must be true or false", "write true", key=_REPLACES, value=True))
    return value is True


def _base(like: object, source: RecipeSource, known: Mapping[str, Recipe], mistakes: list[str]) -> Recipe:
    if like is None:
        return Recipe(name="")
    if isinstance(like, str) and like in known:
        return known[like]
    cure = _suggestion(str(like), tuple(known))
    mistakes.append(source.mistake("there is no built-in recipe of that name", cure, key=_LIKE, value=True))
    return Recipe(name="")


def _values(raw: Mapping[str, Any], source: RecipeSource, mistakes: list[str]) -> dict[str, Any]:
    """Return the settings that have the right type; tell of the others."""
    hints = get_type_hints(Recipe)
    allowed = [each.name for each in fields(Recipe) if each.name != "name"]
    values = {}
    for key, value in raw.items():
        if key == "name":
            mistakes.append(
                source.mistake("a recipe is named like its file", "remove the line, or rename the file", key=key)
            )
        elif key not in allowed:
            cure = _suggestion(key, (*allowed, _LIKE, _REPLACES))
            mistakes.append(source.mistake(f'unknown key "{key}"', cure, key=key))
        else:
            try:
                values[key] = typed(value, hints[key])
            except TypeError as error:
                cure = _meant(value, hints[key])
                mistakes.append(source.mistake(f'"{key}" must be {error}', cure, key=key, value=True))
    return values


def _meant(value: object, hint: object) -> str:
    """Return the word that a setting of few words was meant to be, or where to read about it."""
    words = [str(word) for word in get_args(hint)] if get_origin(hint) is Literal else []
    near = get_close_matches(str(value), words, n=1)
    return f"did you mean {near[0]}?" if near else "see docs/recipes.md"


def _suggestion(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
