"""The second opinion: evidently's report of a window against the reference. Slow to import, made on demand only."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import DriftwatchError
from driftwatch.drift.evidence.sets import loss_per_token
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text

_MOST_ROWS = 2_000


class ReportError(DriftwatchError):
    """Evidently could not make its report."""


def evidently_report(
    reference: Sequence[Text], reference_features: Features, window: Sequence[Text], window_features: Features
) -> str:
    """Return evidently's data drift report as a self-contained HTML page.

    Its columns: length in characters and words, share of characters that are no letters, loss per token (where both
    sides have one), and the first principal components of the reference's embeddings. Half of the reference gives the
    components, the other half is compared: compared with the very texts they came from, they would always show drift.

    Raises:
        ReportError: evidently failed, with its reason.
    """
    os.environ |= {"DO_NOT_TRACK": "1", "ITERATIVE_DO_NOT_TRACK": "1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        axes = _axes(np.asarray(reference_features.embeddings.values)[::2])
        compared = np.arange(1, len(reference), 2)[:_MOST_ROWS]
        known = take(reference_features, compared)
        scored = _scored(known) and _scored(window_features)
        old = _frame([reference[row] for row in compared], known, axes, scored=scored)
        new = _frame(window[:_MOST_ROWS], window_features, axes, scored=scored)
        try:
            snapshot = Report([DataDriftPreset()]).run(current_data=new, reference_data=old)
            return str(snapshot.get_html_str(as_iframe=False))
        except BaseException as error:  # evidently raises subclasses of BaseException for what a user can mend
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit | MemoryError):
                raise
            raise ReportError(
                f"evidently could not make its report: {error}", cure="the window's own page has all figures"
            ) from error


def _axes(
    values: np.ndarray[tuple[int, int], np.dtype[np.float32]], count: int = 3
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    centred = values - values.mean(0)
    _, _, axes = np.linalg.svd(centred[:_MOST_ROWS], full_matrices=False)
    return np.ascontiguousarray(axes[:count].T)


def _scored(features: Features) -> bool:
    """Say whether anything was predicted of any text."""
    return features.losses is not None and bool(features.losses.tokens.any())


def _frame(
    texts: Sequence[Text],
    features: Features,
    axes: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    *,
    scored: bool,
) -> pd.DataFrame:
    import pandas as pd

    rows = len(texts)
    bodies = [text.body for text in texts]
    columns: dict[str, object] = {
        "characters": [len(body) for body in bodies],
        "words": [len(body.split()) for body in bodies],
        "share of non-letters": [
            sum(not c.isalpha() and not c.isspace() for c in body) / max(len(body), 1) for body in bodies
        ],
    }
    if scored:
        columns["loss per token"] = loss_per_token(features)[:rows]
    projected = np.asarray(features.embeddings.values)[:rows] @ axes
    columns |= {f"embedding axis {number + 1}": projected[:, number] for number in range(projected.shape[1])}
    return pd.DataFrame(columns)
