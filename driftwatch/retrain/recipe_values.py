"""What a recipe's settings may be: their types, and the ranges beyond which a training makes no sense."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.domain.run import Recipe

_WORDS = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}

_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (0.01, 100),
    "batch": (1, 65_536),
    "at_once": (1, 65_536),
    "context": (2, 1_048_576),
    "replay": (0, 0.95),
    "distill": (0, 100),
    "warmup": (0, 1),
    "weight_decay": (0, 1),
    "clip": (0.001, 1_000),
    "patience": (0, 1_000),
    "evaluate_steps": (1, 1_000_000),
    "mask": (0.01, 0.9),
    "rank": (1, 1_024),
    "alpha": (0.01, 10_000),
    "dropout": (0, 0.9),
    "max_texts": (100, 100_000_000),
    "heldout": (0.01, 0.5),
    "probe": (0.001, 1),
    "devices": (1, 1_024),
    "checkpoint_steps": (1, 1_000_000),
    "seed": (0, 2**31 - 1),
}
"""Least and greatest value of each setting that is one number."""

_MOST_ROUNDS = 10
_GREATEST_RATE = 1.0


def typed(value: object, hint: Any) -> object:  # noqa: ANN401 - a type hint may be anything
    """Return a TOML value as the setting's type.

    Raises:
        TypeError: it is none; the message says what it must be.

    Examples:
        >>> typed([1, 2e-4], tuple[float, ...])
        (1.0, 0.0002)
    """
    if get_origin(hint) in (Union, UnionType):
        return typed(value, next(each for each in get_args(hint) if each is not NoneType))
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise TypeError("one of " + ", ".join(map(str, get_args(hint))))
    if get_origin(hint) is tuple:
        if isinstance(value, list):
            return tuple(typed(each, get_args(hint)[0]) for each in value)
        raise TypeError("a list in brackets")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise TypeError(_WORDS[hint])


def beyond(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Yield each setting that is out of its range: its name, what is wrong, and the cure."""
    for key, (least, greatest) in _RANGES.items():
        value = getattr(recipe, key)
        if value is not None and not least <= value <= greatest:
            yield key, f'"{key}" is {value:g}', f"write a number from {least:g} to {greatest:g}"
    rates = recipe.learning_rates
    if not 1 <= len(rates) <= _MOST_ROUNDS or not all(0 < rate <= _GREATEST_RATE for rate in rates):
        yield (
            "learning_rates",
            "these are no learning rates",
            "write 1 to 10 numbers above 0, one per round: [3e-4, 1e-4]",
        )
    if not all(0 < coefficient <= 1 for coefficient in recipe.merge) or list(recipe.merge) != sorted(set(recipe.merge)):
        yield "merge", "these are no coefficients", "write rising numbers above 0 and up to 1: [0.25, 0.5, 0.75, 1.0]"
    if recipe.at_once is not None and recipe.at_once > recipe.batch:
        yield "at_once", f'"at_once" is {recipe.at_once}, the batch only {recipe.batch}', "write at most the batch"
    if recipe.devices > recipe.batch > 0:
        yield "devices", f"{recipe.devices} devices share a batch of {recipe.batch}", "write a larger batch"
