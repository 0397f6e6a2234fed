"""Real texts of mixed length: news, requests to assistants, tweets and documentation."""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import TYPE_CHECKING

from driftwatch.demo.prose import paragraphs

if TYPE_CHECKING:
    from pathlib import Path

_CORPORA = ("agnews", "clinc150", "tweets", "pydocs-en")
_PACKAGES = ("numpy", "sklearn/linear_model")


def mixed(data: Path, count: int) -> list[str]:
    """Return texts of four corpora in turn, from all over their files; where these are not, prose of this machine.

    Args:
        data: folder with the corpora.
        count: how many texts.
    """
    files = [data / "corpora" / f"{name}.jsonl" for name in _CORPORA]
    if not all(file.is_file() for file in files):
        return paragraphs(_PACKAGES, count)
    each = -(-count // len(files))
    return list(islice(chain.from_iterable(zip(*(_some(file, each) for file in files), strict=True)), count))


def _some(file: Path, count: int) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["text"]) for line in lines[:: len(lines) // count][:count]]
