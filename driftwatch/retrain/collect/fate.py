"""What became of each fresh text."""

from __future__ import annotations

from enum import IntEnum


class Fate(IntEnum):
    """Why a text was left out, in the order in which reasons are looked for; the first that holds counts.

    On the card: ``empty`` (nothing but space), ``duplicate`` (same body), ``near-duplicate`` (almost the same),
    ``reserved`` (as good as equal to a reference text held out), ``length`` and ``characters`` (outliers of either),
    ``group-cap``, ``source-cap``, ``over-limit`` (more than the recipe's ``max_texts``), ``gone`` (deleted from the
    store meanwhile), ``personal-data``, ``no-loss`` (the champion's loss is no number), ``loss`` (outlier of the
    champion's loss per token), ``cluster-cap``, ``weight`` (speaks ill of a group, and the recipe wants fewer such).
    """

    IN = 0
    EMPTY = 1
    DUPLICATE = 2
    NEAR_DUPLICATE = 3
    RESERVED = 4
    LENGTH = 5
    CHARACTERS = 6
    GROUP_CAP = 7
    SOURCE_CAP = 8
    OVER_LIMIT = 9
    GONE = 10
    PERSONAL_DATA = 11
    NO_LOSS = 12
    LOSS = 13
    CLUSTER_CAP = 14
    WEIGHT = 15

    @property
    def reason(self) -> str:
        """The word on the card."""
        return self.name.lower().replace("_", "-")
