"""The recipes that policies can name: those that come with driftwatch, and the operator's own beside the configuration.

One file is one recipe, named like the file; its keys are those of ``Recipe``.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConfigError, NotFoundError
from driftwatch.retrain.recipe_file import RecipeFile, read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftwatch.domain.run import Recipe

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "shipped" / "recipes", _PACKAGE.parent / "recipes")
"""Where the shipped files lie: in an installed wheel inside the package, in a checkout beside it."""


@cache
def builtin_recipes() -> Mapping[str, Recipe]:
    """Return the recipes that come with driftwatch, by name.

    Raises:
        NotFoundError: the installation lacks them.

    Examples:
        >>> sorted(builtin_recipes())
        ['full', 'head', 'lora', 'lora-small', 'small', 'thorough']
    """
    folder = next((each for each in _FOLDERS if each.is_dir()), None)
    if folder is None:
        raise NotFoundError("recipes is missing from this installation", cure="install driftwatch again")
    read = [read_recipe(file, known={}) for file in sorted(folder.glob("*.toml"))]
    return MappingProxyType({file.recipe.name: file.recipe for file in read})


def load_recipes(files: Iterable[Path]) -> Mapping[str, Recipe]:
    """Return every recipe by its name: the built-in ones, and those of the files; all files or none.

    Args:
        files: the operator's own.

    Raises:
        ConfigError: everything that is wrong, each as ``file:line:column`` with a cure.
    """
    found: dict[str, Recipe] = dict(builtin_recipes())
    from_file: dict[str, Path] = {}
    mistakes: list[str] = []
    for file in sorted(files):
        try:
            read = read_recipe(file, known=builtin_recipes())
        except ConfigError as error:
            mistakes.append(str(error))
            continue
        mistakes += _clashes(read, from_file)
        from_file[read.recipe.name] = file
        found[read.recipe.name] = read.recipe
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return MappingProxyType(found)


def _clashes(read: RecipeFile, taken: Mapping[str, Path]) -> list[str]:
    """Return what is wrong with the recipe's name beside the others'."""
    name = read.recipe.name
    if name in taken:
        return [read.misnamed(f'a recipe "{name}" is in {taken[name]} too', "give one of the files another name")]
    if name in builtin_recipes() and not read.replaces_builtin:
        cure = "give it another name, or write replaces_builtin = true"
        return [read.misnamed(f'"{name}" is a built-in recipe', cure)]
    if read.replaces_builtin and name not in builtin_recipes():
        cure = "remove replaces_builtin"
        return [read.replaces_nothing(f'there is no built-in recipe "{name}" to replace', cure)]
    return []


def find_recipe(name: str, recipes: Mapping[str, Recipe]) -> Recipe:
    """Return the recipe of that name.

    Raises:
        NotFoundError: there is none; the cure names the nearest one.

    Examples:
        >>> find_recipe("small", builtin_recipes()).batch
        8
    """
    if (recipe := recipes.get(name)) is not None:
        return recipe
    nearest = get_close_matches(name, recipes, n=1)
    cure = f"did you mean {nearest[0]}?" if nearest else f"known recipes: {', '.join(recipes)}"
    raise NotFoundError(f'there is no recipe "{name}"', cure=cure)


def learning_rate(recipe: Recipe, *, round: int) -> float:  # noqa: A002 - the word of the house
    """Return the round's learning rate; rounds count from 1, and those beyond the last setting use the last.

    Examples:
        >>> small = builtin_recipes()["small"]
        >>> learning_rate(small, round=1), learning_rate(small, round=5)
        (0.0003, 0.0001)
    """
    return recipe.learning_rates[min(max(round, 1), len(recipe.learning_rates)) - 1]
