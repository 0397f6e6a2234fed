"""Does a packed encoder give what transformers gives? Checked once for each model and machine, and remembered."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import numpy as np
import structlog

from driftwatch.features.loading import load_tokenizer, load_weights, token_rows
from driftwatch.features.runtime import arithmetic, device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.features.packed.encoder import PackedEncoder

LEAST_COSINE = 0.999
_LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors")

_WORDS = "Our late order came with a broken lid, and nobody at the desk could say who had packed it. "
SAMPLE = (
    "",
    " ",
    "a",
    "ok thanks",
    "Where is my parcel?",
    "Where is my refund?",
    "I'd like to speak to a person, please.",
    "naïve café, façade – “quoted” … ½ ﬁ",
    "漢字とかな混じりの文章。中文分詞沒有空格。",
    "مرحبا، أين طلبي؟",
    "🙂🙃 👩‍👩‍👧 🇩🇪 that's fine",
    "def f(x):\n\treturn x**2  # squares\n",
    "tab\there, zero\x00byte, bell\x07, bom\ufeff, nbsp\u00a0.",
    "[CLS] [SEP] [PAD] [MASK] <s> </s> <pad> <mask>",
    "supercalifragilisticexpialidocious" * 4,
    "1234567890 " * 12,
    _WORDS,
    _WORDS * 3,
    _WORDS * 60,
)
"""Odd texts: of no token, of one, of equal lengths, of many scripts, of special tokens' names, beyond every limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a packed encoder compares with transformers' own forward pass in float32.

    Args:
        same_tokens: whether every text was split alike.
        least_cosine: between the embeddings of a text.
    """

    same_tokens: bool
    least_cosine: float

    @property
    def passed(self) -> bool:
        """Whether the packed encoder may stand for the other."""
        return self.same_tokens and self.least_cosine >= LEAST_COSINE


def compare(packed: PackedEncoder, folder: Path) -> Verdict:
    """Embed the sample both ways.

    Args:
        packed: the encoder.
        folder: of its model, links resolved.

    Raises:
        ModelError: transformers cannot load it.
    """
    tokenizer = load_tokenizer(folder)
    *rows, blank = token_rows(tokenizer, [*SAMPLE, " "], special=True, longest=packed.longest)
    rows = [row or blank or [0] for row in rows]
    if rows != packed.rows(SAMPLE):
        return Verdict(same_tokens=False, least_cosine=0.0)
    theirs, ours = _one_by_one(folder, rows), packed.embed(SAMPLE).values
    cosines = (theirs * ours).sum(axis=1)
    return Verdict(same_tokens=True, least_cosine=float(cosines.min()) if np.isfinite(cosines).all() else 0.0)


def _one_by_one(folder: Path, rows: Sequence[Sequence[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the embedding of each row alone, without a pad, by transformers, float64 [rows, width]."""
    import torch
    from transformers import AutoModel

    where = device()
    model = load_weights(AutoModel, folder, dtype=torch.float32, device=where)
    found = []
    with torch.inference_mode():
        for row in rows:
            ids = torch.tensor([list(row)], device=where)
            hidden: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            found.append(hidden[0].double().mean(0).cpu().numpy())
    means = np.stack(found)
    unit: np.ndarray[tuple[int, int], np.dtype[np.float64]] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit


class Verdicts:
    """Remembers verdicts in a folder, one small file each.

    A verdict is of one digest (model, limit and precision), this code, these versions of the libraries, and this kind
    of processor: any other is checked anew.

    Args:
        folder: where they are kept; None to remember nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, packed: PackedEncoder, model: Path) -> Verdict:
        """Return the verdict on an encoder, found out now where it is not known.

        Raises:
            ModelError: transformers cannot load the model.
        """
        file = self._file(packed)
        known = _read(file) if file is not None else None
        if known is not None:
            return known
        found = compare(packed, model)
        if file is not None:
            _write(file, found)
        return found

    def _file(self, packed: PackedEncoder) -> Path | None:
        if self._folder is None:
            return None
        about = [packed.digest, _code(), arithmetic(), *(f"{name} {version(name)}" for name in _LIBRARIES)]
        name = hashlib.sha256("\n".join(about).encode()).hexdigest()
        return self._folder / f"packed-{name[:16]}.json"


def _code() -> str:
    """Return the hash of this package's source: a change of it is checked like another machine."""
    total = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()


def _read(file: Path) -> Verdict | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Verdict)
    except (OSError, msgspec.DecodeError):
        return None


def _write(file: Path, verdict: Verdict) -> None:
    aside = file.with_name(f"{file.name}.{uuid4().hex[:8]}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(msgspec.json.encode(asdict(verdict)))
        os.replace(aside, file)  # noqa: PTH105 - atomic, as its name says
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        structlog.get_logger().warning("parity_not_kept", file=str(file), reason=error.strerror)
