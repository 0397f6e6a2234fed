"""Whether the model that a run begins from is the one that was promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import ModelError, NotFoundError
from driftwatch.retrain.promote import check_version

if TYPE_CHECKING:
    from pathlib import Path


def check_champion(folder: Path) -> None:
    """Hold every file of the champion against its manifest before anything is learnt from it.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        check_version(folder)
    except (ModelError, NotFoundError) as error:
        raise ModelError(
            f"the model to retrain is missing or damaged: {error.what}",
            where=error.where or str(folder),
            cure="restore its folder from a backup, or driftwatch runs rollback; the rule asks again",
        ) from error
