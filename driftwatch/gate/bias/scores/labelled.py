"""Labelled texts of several groups, one JSON object a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import json_rows
from driftwatch.gate.bias.scores.fairness import LabelledText

if TYPE_CHECKING:
    from pathlib import Path

_CURE = 'write lines such as {"body": "…", "group": "women", "label": "positive"}'


def load_labelled(path: Path) -> tuple[LabelledText, ...]:
    """Read the texts; other keys of a line are left alone.

    Raises:
        DataError: there is none, or a line has no body, group and label.
    """
    found = []
    for where, row in json_rows(path):
        try:
            text = msgspec.convert(row, LabelledText)
        except msgspec.ValidationError as error:
            raise DataError(f"this is no labelled text: {error}", where=where, cure=_CURE) from None
        if not text.body.strip():
            raise DataError("this labelled text is empty", where=where, cure=_CURE)
        found.append(replace(text, place=where))
    if not found:
        raise DataError("there are no labelled texts", where=str(path), cure=_CURE)
    return tuple(found)
