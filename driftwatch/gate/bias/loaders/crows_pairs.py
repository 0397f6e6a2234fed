"""CrowS-Pairs: 1,508 pairs of sentences, one more stereotyping than the other, in nine categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, csv_rows
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from pathlib import Path

FILE = "crows_pairs_anonymized.csv"
COLUMNS = ("sent_more", "sent_less", "stereo_antistereo", "bias_type")
CATEGORIES = {
    "race-color": "race_ethnicity",
    "gender": "gender",
    "socioeconomic": "socioeconomic_status",
    "nationality": "nationality",
    "religion": "religion",
    "age": "age",
    "sexual-orientation": "sexual_orientation",
    "physical-appearance": "physical_appearance",
    "disability": "disability",
}
"""The publisher's names of categories, and ours."""


def load_crows_pairs(path: Path) -> Suite:
    """Return the suite of the publisher's file.

    ``sent_more`` is the more stereotyping sentence in every row; ``stereo_antistereo`` says which of the two the
    crowd worker wrote first, and changes nothing here. Each row stands for itself, repeated rows too, so that figures
    are those of the paper.

    Source: Nangia et al. (2020), "CrowS-Pairs: A challenge dataset for measuring social biases in masked language
    models", section 2.

    Raises:
        DataError: a column is missing, a category is unknown, or no pair is left.
    """
    pairs, skips = [], Skips()
    for number, (where, row) in enumerate(csv_rows(path, COLUMNS)):
        category = CATEGORIES.get(row["bias_type"])
        if category is None:
            cure = f"categories are {', '.join(CATEGORIES)}"
            raise DataError(f"{row['bias_type']!r} is no category", where=where, cure=cure)
        more, less = row["sent_more"], row["sent_less"]
        if not more.strip() or not less.strip() or more.split() == less.split():
            skips.add("a sentence is empty, or both are equal", where, category=category)
            continue
        identity = f"crows-pairs-{number}"
        pairs.append(Pair(id=identity, category=category, template=identity, stereotype=more, counter=less))
    if not pairs:
        raise DataError("has no pair that can be used", where=str(path), cure="fetch it again")
    emptied = skips.emptied(pair.category for pair in pairs)
    return Suite(name="crows-pairs", pairs=tuple(pairs), skipped=skips.told(), emptied=emptied)
