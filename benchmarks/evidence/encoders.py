"""The static encoder beside the transformer: delays, false alarms, and what encoding a text costs, in one run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.delays import FOCUSED, MISSED, Heard, heard, new_intents
from benchmarks.evidence.false_alarms import TIGHT_ARL
from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, load, reference, windows
from benchmarks.table import Row
from driftwatch.features.encoder import EncoderSettings, load_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.featured import Kind

SCENARIOS = (
    "chatbot-gradual",
    "docs-language",
    "news-sudden",
    "none-chat-bursty",
    "rare-chat-auto5pct",
    "recurring-social-mood",
    "social-none",
    "social-rare",
    "toxicity-social-10pct",
)
ENCODERS: tuple[Kind, Kind] = ("static", "transformer")
ARL = 1e4
_SPLITS = (1, 2, 3)
_TRIALS = 5
_CORPORA = ("clinc150", "tweets", "pydocs-en")
_TEXTS = 400
_DRAWS = 3
_REFERENCE = 8_000
_WARM = 32


def encoders(data: Path, cache: Path, *, only: frozenset[str] = frozenset()) -> Iterator[Row]:
    """Return rows of the static encoder with the transformer's figure as the peer's.

    Every scenario is run three times, its reference split anew: which texts are TRAIN and which CAL is chance.

    Args:
        data: folder with corpora and scenarios.
        cache: where features are kept.
        only: scenarios, or the words ``cost``, ``quiet`` and ``focused``; all by default.
    """
    if not only or "cost" in only:
        yield from _costs(data, cache)
    runs: dict[Kind, list[Heard]] = {encoder: [] for encoder in ENCODERS}
    for name in SCENARIOS:
        if only and name not in only:
            continue
        folder, found = data / "scenarios" / name, {}
        for encoder in ENCODERS:
            found[encoder] = [heard(folder, cache, encoder=encoder, split=split) for split in _SPLITS]
            runs[encoder] += found[encoder]
        yield from _side_by_side(name, *(found[encoder] for encoder in ENCODERS))
    for arl, encoder in ((ARL, encoder) for encoder in ENCODERS if runs[encoder]):
        early, quiet = (sum(getattr(each, of) for each in runs[encoder]) for of in ("early", "quiet"))
        what = f"{encoder}: false alarms in {quiet:,} quiet texts of these streams, A = 10^4"
        yield Row(measure=what, driftwatch=early, target=f"<= {quiet / arl:g}", met=early <= quiet / arl)
    if not only or "quiet" in only:
        yield _quiet(data, cache)
    if not only or "focused" in only:
        yield from _focused(data, cache)


def _side_by_side(name: str, static: Sequence[Heard], transformer: Sequence[Heard]) -> Iterator[Row]:
    """Return a scenario's false alarms and, where something changes, its delays."""
    quiet = static[0].quiet
    what = f"{name}: false alarms in {len(static)} x {quiet:,} quiet texts"
    yield Row(
        measure=what,
        driftwatch=sum(each.early for each in static),
        peer=sum(each.early for each in transformer),
    )
    if static[0].delay is None:
        return
    delays = [[MISSED if each.delay is None else each.delay for each in side] for side in (static, transformer)]
    said = ["/".join(str(delay) for delay in sorted(each)) for each in delays]
    what = f"{name}: delay in texts, median of {len(static)} splits ({said[0]} beside {said[1]})"
    yield Row(measure=what, driftwatch=float(np.median(delays[0])), peer=float(np.median(delays[1])))


def _quiet(data: Path, cache: Path) -> Row:
    """Return false alarms on shuffled intents, bet on text by text at a budget small enough to count them."""
    found, seen = dict.fromkeys(ENCODERS, 0), 0
    for encoder in ENCODERS:
        corpus, seen = load(data / "corpora" / "clinc150.jsonl", cache, encoder=encoder), 0
        for draw in range(_DRAWS):
            order = np.random.default_rng([1, draw]).permutation(len(corpus))
            monitor = fitted(reference(corpus, order[:_REFERENCE], seed=draw), "independent")
            stream = order[_REFERENCE:]
            found[encoder] += len(alarms(monitor, windows(corpus, stream, arl=TIGHT_ARL)))
            seen += len(stream) // WINDOW * WINDOW
    allowed = seen / TIGHT_ARL
    return Row(
        measure=f"false alarms, i.i.d., CLINC150, A = 10^3, {seen:,} texts, {_DRAWS} references",
        driftwatch=found["static"],
        peer=found["transformer"],
        target=f"<= {allowed:g}",
        met=max(found.values()) <= allowed,
    )


def _focused(data: Path, cache: Path) -> Iterator[Row]:
    found = {
        encoder: new_intents(data, cache, trials=_TRIALS, encoder=encoder, dependence="independent", arl=1e6)
        for encoder in ENCODERS
    }
    for share in FOCUSED:
        static, transformer = (found[encoder][share] for encoder in ENCODERS)
        what = f"delay, a new intent at {share:.0%}, A = 10^6, reference 20,000, texts, {_TRIALS} trials"
        yield Row(measure=what, driftwatch=static, peer=transformer)


def _costs(data: Path, cache: Path) -> Iterator[Row]:
    """Return CPU milliseconds a text, tokenising included, one thread, of some texts of each corpus in turns."""
    made = {
        encoder: load_encoder(EncoderSettings(kind=encoder), threads=1, cache=cache / "encoders")
        for encoder in ENCODERS
    }
    for name in _CORPORA:
        corpus = load(data / "corpora" / f"{name}.jsonl", cache)
        rows = np.random.default_rng(17).permutation(len(corpus))[:_TEXTS]
        bodies = [corpus.bodies[row] for row in rows]
        tokens = float(corpus.features.tokens.counts.sum()) / len(corpus)
        spent: dict[Kind, float] = {}
        for encoder in ENCODERS:
            made[encoder].embed(bodies[:_WARM])
            began = time.process_time()
            made[encoder].embed(bodies)
            spent[encoder] = (time.process_time() - began) / len(bodies) * 1e3
        what = f"encoding, CPU-ms a text, {name} ({tokens:.0f} tokens a text)"
        yield Row(measure=what, driftwatch=spent["static"], peer=spent["transformer"])
