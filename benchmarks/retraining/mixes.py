"""A run's texts, collected and loaded at once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from driftwatch.retrain.dataset import collect, load_mix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text
    from driftwatch.retrain.dataset import Mix


def mixed(fresh: Sequence[Text], old: Sequence[Text], recipe: Recipe, folder: Path) -> Mix:
    """Collect into the folder, replacing what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    collect(lambda: fresh, lambda: old, recipe, into=folder, seed=recipe.seed)
    return load_mix(folder)
