"""Texts embedded a second: padded loop, sentence-transformers, driftwatch's plain path and its packed one."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.encode.clock import in_turns, products_rate
from benchmarks.encode.peers import padded_loop, sentence_transformers
from benchmarks.table import Row, at_least
from driftwatch.features.encoder import DEFAULT, EncoderSettings, find_folder
from driftwatch.features.packed.encoder import PackedEncoder
from driftwatch.features.runtime import bf16_pays
from driftwatch.features.transformer import TransformerEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

LIMIT = 128
LEAST_COSINE = 0.999
_LOOP = {True: 10.0, False: 3.0}
"""Times the padded loop that packed must reach, with bf16 and without."""
_PEER = 4.0
"""Times sentence-transformers, with bf16."""


def embedding(texts: Sequence[str], *, device: str, rounds: int) -> Iterator[Row]:
    """Yield rows of texts a second, best of some rounds in turns, and how far the embeddings part.

    Args:
        texts: to embed.
        device: ``cpu`` or ``cuda``.
        rounds: of all ways, one after the other.
    """
    folder, half = find_folder(DEFAULT), bf16_pays()
    packed, calls = _ways(folder, half=half, device=device)
    for call in calls.values():
        call(texts[:32])
    found, seconds = in_turns({name: partial(call, texts) for name, call in calls.items()}, device, rounds=rounds)
    rate = {name: len(texts) / each for name, each in seconds.items()}
    unit = "texts per CPU-s" if device == "cpu" else "texts per s"
    precision = "bf16" if half else "float32"
    told = partial(_told, peers=half and device == "cpu", on_cpu=device == "cpu")
    yield told(f"packed, {precision}, against the padded loop, float32 as it comes: {unit}", rate, "padded loop")
    if "sentence-transformers" in rate:
        yield told(f"… against sentence-transformers, float32 as it comes: {unit}", rate, "sentence-transformers")
    if "padded loop, bf16" in rate:
        yield told(f"… against the padded loop in bf16: {unit}", rate, "padded loop, bf16")
    yield told(f"… against driftwatch's plain path, {precision}: {unit}", rate, "plain")
    yield _share(packed, texts, folder, rate["packed"], half=half, device=device)
    cosines = (found["packed"] * found["padded loop"]).sum(axis=1)
    yield at_least("least cosine between packed and the padded loop in float32", float(cosines.min()), LEAST_COSINE)


def _ways(
    folder: Path, *, half: bool, device: str
) -> tuple[PackedEncoder, dict[str, Callable[[Sequence[str]], npt.NDArray[np.float32]]]]:
    settings = EncoderSettings(max_tokens=LIMIT)
    packed, plain = PackedEncoder(folder, settings), TransformerEncoder(folder, settings)
    ways: dict[str, Callable[[Sequence[str]], npt.NDArray[np.float32]]] = {
        "padded loop": padded_loop(folder, limit=LIMIT, half=False, device=device)
    }
    if half:
        ways["padded loop, bf16"] = padded_loop(folder, limit=LIMIT, half=True, device=device)
    peer = sentence_transformers(folder, limit=LIMIT, device=device)
    if peer is not None:
        ways["sentence-transformers"] = peer
    ways["plain"] = lambda texts: plain.embed(texts).values
    ways["packed"] = lambda texts: packed.embed(texts).values
    return packed, ways


def _told(measure: str, rate: dict[str, float], peer: str, *, peers: bool, on_cpu: bool) -> Row:
    ours, theirs = rate["packed"], rate[peer]
    times = {"padded loop": _LOOP[peers] if on_cpu else None, "sentence-transformers": _PEER if peers else None}.get(
        peer
    )
    if times is None:
        return Row(measure=measure, driftwatch=ours, peer=theirs)
    return at_least(measure, ours, times * theirs, peer=theirs)


def _share(packed: PackedEncoder, texts: Sequence[str], folder: Path, rate: float, *, half: bool, device: str) -> Row:
    """Return the embedding's products as a share of the machine's own rate of them; all else counts as lost."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    lengths = np.array([len(row) for row in packed.rows(texts)])
    per_text = 2 * layers * (lengths * (4 * width**2 + 2 * width * inner) + 2 * width * lengths**2)
    measured = products_rate(device, half=half)
    measure = (
        f"share of the measured rate of products ({measured / 1e9:,.0f} GFLOP/s), texts of {lengths.mean():.1f} tokens"
    )
    return Row(measure=measure, driftwatch=float(per_text.mean() * rate / measured))
