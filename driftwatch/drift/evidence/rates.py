"""Null bounds: how often the reference's texts fall into a set at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.bounds import kl_upper, upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.text import Text

ERROR = 0.01
"""Probability, per bank, of a reference draw for which some bound is too low."""
_LEAST_GROUPS = 50


class Calibration:
    """CAL's texts as what rates are counted on: texts, or groups where every text names one.

    Source: Clopper and Pearson 1934 for texts; the Chernoff bound in its Kullback–Leibler form (Garivier and Cappé
    2011, eq. 3) for means of groups.

    Args:
        texts: CAL's.
        error: probability, per bank, of a draw of them for which some bound is too low.
    """

    def __init__(self, texts: Sequence[Text], *, error: float = ERROR) -> None:
        self._error = error
        groups = [text.group for text in texts]
        names = {group for group in groups if group is not None}
        self.by_group = None not in groups and _LEAST_GROUPS <= len(names) < len(texts)
        self._texts = len(texts)
        _, units = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
        self._units = units
        self._weights = 1.0 / np.bincount(units)[units]

    def bounds(self, hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Return upper bounds of the sets' rates, float64 [sets]; all hold at once but for the error."""
        return self.of_counts(hits.sum(0), (hits * self._weights[:, None]).sum(0) if self.by_group else None)

    def of_tokens(
        self, ids: npt.NDArray[np.integer], rows: npt.NDArray[np.int64], vocabulary: int
    ) -> npt.NDArray[np.float64]:
        """Return upper bounds of the shares of texts that hold each token.

        Args:
            ids: [nonzeros], tokens present.
            rows: int64 [nonzeros], the text each stands in.
            vocabulary: number of tokens.
        """
        counts = np.bincount(ids, minlength=vocabulary)
        if not self.by_group:
            return self.of_counts(counts, None)
        sums = np.bincount(ids, weights=self._weights[rows], minlength=vocabulary)
        return self.of_counts(counts, np.asarray(sums, dtype=np.float64))

    def of_counts(self, counts: npt.NDArray[np.int64], sums: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
        """Return upper bounds from numbers of hits, or from sums of the groups' hit fractions."""
        error = self._error / len(counts)
        if sums is None:
            values, inverse = np.unique(counts, return_inverse=True)
            found = upper_bound(values, self._texts, error)[inverse]
        else:
            groups = int(self._units.max()) + 1
            found = kl_upper(sums / groups, groups, error)
        bounds: npt.NDArray[np.float64] = np.clip(found, 1e-9, 1.0)
        return bounds
