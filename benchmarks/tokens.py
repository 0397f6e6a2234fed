"""What exact token counts cost: through the cache of distinct chunks, beside the tokenizer's quickest call.

``python -m benchmarks.tokens [--quick] [--json FILE]``, or ``--distinct N`` for the memory that so many distinct chunks
take (see ``distinct``). Real texts of ``../shared/data`` in one mix; CPU time of one
process, everything in turns, ratios of the same run. Cold: both are loaded anew, so that every cache is empty before
the first text, those in the tokenizer too; warm: the same texts again. tiktoken, where it is installed, gets the same
merges.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.distinct import distinct_rows
from benchmarks.table import Row, at_least, main
from driftwatch.features.cached_counter import CachedCounter
from driftwatch.features.counting import load_counter
from driftwatch.features.encoder import DEFAULT, find_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tokenizers import Tokenizer

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpora"
AT_ONCE = 1_000
COLD, WARM = 2.0, 5.0
_VOCABULARY = 30_000
_END = "<|endoftext|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU-seconds of one turn over the same texts; infinite where nothing was measured."""

    peer_cold: float
    peer_warm: float
    cold: float
    warm: float
    tiktoken: float


def measure(quick: bool) -> Sequence[Row]:
    """Return texts per CPU-second of either way, the best of some turns, for WordPiece and byte-level BPE."""
    texts = mixed_texts(40_000 if quick else None)
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        folders = {
            "WordPiece": find_folder(DEFAULT),
            "byte-level BPE": byte_level(texts[:20_000], Path(folder)),
        }
        return [row for name, place in folders.items() for row in _rows(name, place, texts, turns=3 if quick else 5)]


def mixed_texts(limit: int | None) -> list[str]:
    """Return news, queries, tweets and documentation in a fixed random order.

    Raises:
        SystemExit: the data is not there.
    """
    files = sorted(DATA.glob("*.jsonl"))
    if not files:
        raise SystemExit(f"there are no corpora in {DATA}")
    texts = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    random.Random(7).shuffle(texts)
    return texts[:limit]


def counted(counter: CachedCounter, bodies: Sequence[str]) -> int:
    """Count bodies as they come in, page by page, and return the number of tokens: for benchmarks of the whole way."""
    return sum(
        int(counter.count(bodies[start : start + AT_ONCE]).counts.sum()) for start in range(0, len(bodies), AT_ONCE)
    )


def byte_level(texts: Sequence[str], folder: Path) -> Path:
    """Train a tokenizer of GPT-2's kind and return its folder."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(texts, vocab_size=_VOCABULARY, special_tokens=[_END], show_progress=False)
    made.save(str(folder / "tokenizer.json"))
    return folder


def _rows(name: str, folder: Path, texts: Sequence[str], *, turns: int) -> list[Row]:
    counter = _counter(folder)
    _compare(counter, _tokenizer(folder), texts[:AT_ONCE])
    encode = _tiktoken(folder)
    costs = [_turn(folder, texts, encode) for _ in range(turns)]
    counted(counter, texts)

    def rate(of: Callable[[Costs], float]) -> float:
        return len(texts) / min(map(of, costs))

    cold, peer_cold = rate(lambda c: c.cold), rate(lambda c: c.peer_cold)
    warm, peer_warm = rate(lambda c: c.warm), rate(lambda c: c.peer_warm)
    rows = [
        at_least(f"{name}: cold, texts per CPU-s", cold, COLD * peer_cold, peer=peer_cold),
        at_least(f"{name}: warm, texts per CPU-s", warm, WARM * peer_warm, peer=peer_warm),
        Row(measure=f"{name}: entries kept", driftwatch=counter.entries),
        Row(measure=f"{name}: MB kept", driftwatch=counter.megabytes),
    ]
    if encode is not None:
        named = f"{name}: tiktoken instead, texts per CPU-s"
        rows.append(Row(measure=named, driftwatch=rate(lambda c: c.tiktoken), peer=peer_warm))
    return rows


def _turn(folder: Path, texts: Sequence[str], encode: Callable[[str], list[int]] | None) -> Costs:
    counter, tokenizer = _counter(folder), _tokenizer(folder)
    return Costs(
        peer_cold=_timed(lambda: _encode(tokenizer, texts)),
        peer_warm=_timed(lambda: _encode(tokenizer, texts)),
        cold=_timed(lambda: counted(counter, texts)),
        warm=_timed(lambda: counted(counter, texts)),
        tiktoken=_timed(lambda: [encode(text) for text in texts]) if encode is not None else math.inf,
    )


def _counter(folder: Path) -> CachedCounter:
    found = load_counter(folder)
    if not isinstance(found, CachedCounter):
        raise TypeError(f"{folder}: the cache of chunks is not used")
    return found


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Only tokenise: neither read the ids nor count them."""
    for start in range(0, len(texts), AT_ONCE):
        tokenizer.encode_batch_fast(texts[start : start + AT_ONCE], add_special_tokens=False)


def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def _compare(counter: CachedCounter, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    found = counter.count(texts)
    for row, encoding in enumerate(tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)):
        here = slice(*found.indptr[row : row + 2].tolist())
        if not np.array_equal(np.repeat(found.ids[here], found.counts[here]), np.sort(encoding.ids)):
            raise RuntimeError(f"counted otherwise than the tokenizer: {texts[row]!r}")


def _tiktoken(folder: Path) -> Callable[[str], list[int]] | None:
    """Return what encodes with tiktoken; None where it isn't installed, or the tokenizer isn't of its kind."""
    try:
        import tiktoken
    except ImportError:
        return None
    settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    if settings["model"]["type"] != "BPE":
        return None
    vocabulary, alphabet = settings["model"]["vocab"], _alphabet()
    ranks = {
        bytes(alphabet[character] for character in token): number
        for token, number in vocabulary.items()
        if token != _END
    }
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    made = tiktoken.Encoding("trained", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    encode: Callable[[str], list[int]] = made.encode_ordinary
    return encode


def _alphabet() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(0x100 + place): byte for place, byte in enumerate(hidden)}


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main("tokens", measure, more={"distinct": distinct_rows})
