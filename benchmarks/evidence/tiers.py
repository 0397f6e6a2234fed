"""Two tiers of encoders beside the transformer over every text: what a text costs, delays, false alarms."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.delays import MISSED, changing, delay_of, delays_over_intents, heard_in
from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, load, reference, windows
from benchmarks.table import Row
from driftwatch.domain.features import Tier
from driftwatch.drift.features import concatenate
from driftwatch.drift.tiers import chosen
from driftwatch.features.encoder import EncoderSettings, load_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.evidence.texts import Corpus
    from driftwatch.domain.text import Text

SHARES = (0.2, 0.1, 0.05)
ORDER_SHARES = (1.0, 0.5, 0.2)
READ = (0.4, 0.1)
"""Shares of the texts that the transformer reads where there are two tiers: 200 and 50 of a window of 500."""
_WHOLE = "transformer"
_ARMS: Mapping[str, float | None] = {
    _WHOLE: None,
    **{f"two tiers, the transformer on {read:.0%}": read for read in READ},
    "static alone": 0.0,
}
_ARL, _REFERENCE = 1e4, 8_000
_COST_TEXTS, _WARM, _EVIDENCE_TEXTS = 2_000, 64, 6_000
_SCENARIOS = ("news-sudden", "toxicity-social-10pct", "rare-chat-auto5pct")
_REORDERED, _LEAST_WORDS = 1_600, 5


def tiers(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return delays of two tiers, and of the static encoder alone, with the transformer over every text as the peer.

    Args:
        data: folder with corpora and scenarios.
        cache: where features are kept.
        trials: intents that are new in turn.
    """
    found = {
        arm: delays_over_intents(
            _load(data / "corpora" / "clinc150.jsonl", cache, arm),
            list(SHARES),
            trials,
            size=_REFERENCE,
            arl=_ARL,
            dependence=8,
            read=read or None,
        )
        for arm, read in _ARMS.items()
    }
    for share in SHARES:
        what = f"delay, a new intent at {share:.0%}, blocks of 8, A = 10^4, {trials} trials"
        yield from _beside(what, {arm: delays[share] for arm, delays in found.items()})
    for scenario in _SCENARIOS:
        yield from _beside(
            f"{scenario}, delay in texts", {arm: _heard(data / "scenarios" / scenario, cache, arm) for arm in _ARMS}
        )


def reordered(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return delays for texts whose words come in another order: tokens and static embeddings stay what they are.

    Args:
        data: folder with corpora.
        cache: where features are kept.
        trials: references in turn.
    """
    corpus = data / "corpora" / "clinc150.jsonl"
    file = _in_another_order(corpus, cache / "clinc150-reordered.jsonl")
    found: dict[float, dict[str, list[int]]] = {share: {arm: [] for arm in _ARMS} for share in ORDER_SHARES}
    for arm, read in _ARMS.items():
        plain, turned = _load(corpus, cache, arm), _load(file, cache, arm)
        features = concatenate([plain.features, turned.features])
        both = replace(plain, bodies=(*plain.bodies, *turned.bodies), features=features)
        for trial in range(trials):
            random = np.random.default_rng([19, trial])
            old = random.permutation(len(plain))
            new = len(plain) + random.permutation(len(turned))
            monitor = fitted(reference(both, old[:_REFERENCE], seed=trial), 8)
            fresh = monitor.state()
            for share in ORDER_SHARES:
                monitor.go_on(fresh)
                stream = changing(old[_REFERENCE:], new, share, random)
                found[share][arm].append(delay_of(monitor, both, stream, _ARL, read=read or None))
    for share, delays in found.items():
        what = f"delay, words in another order at {share:.0%}, {trials} trials"
        yield from _beside(what, {arm: float(np.median(each)) for arm, each in delays.items()})


def quiet(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return false alarms of two tiers on shuffled intents, text by text at a budget small enough to count them."""
    for arm, read in ((arm, read) for arm, read in _ARMS.items() if read):
        corpus, arl, found, seen = _load(data / "corpora" / "clinc150.jsonl", cache, arm), 1e3, 0, 0
        for draw in range(draws):
            order = np.random.default_rng([18, draw]).permutation(len(corpus))
            monitor = fitted(reference(corpus, order[:_REFERENCE], seed=draw), "independent")
            stream = order[_REFERENCE:]
            found += len(alarms(monitor, windows(corpus, stream, arl=arl, read=round(read * WINDOW))))
            seen += len(stream) // WINDOW * WINDOW
        yield Row(
            measure=f"{arm}: false alarms, i.i.d., CLINC150, A = 10^3, {seen:,} texts, {draws} references",
            driftwatch=found,
            target=f"<= {seen / arl:g}",
            met=found <= seen / arl,
        )


def costs(data: Path, cache: Path) -> Iterator[Row]:
    """Return CPU milliseconds a text in windows of 500, one thread; peer is the transformer over every text."""
    settings = EncoderSettings()
    static, transformer = (
        load_encoder(each, threads=1, cache=cache / "encoders") for each in (settings.static, settings)
    )

    def reads(window: list[Text], share: float) -> None:
        static.embed([text.body for text in window])
        if share:
            rows = chosen(window, most=round(share * WINDOW)).tolist()
            transformer.embed([window[row].body for row in rows])

    for name in ("clinc150", "tweets"):
        corpus = load(data / "corpora" / f"{name}.jsonl", cache)
        rows = np.random.default_rng(18).permutation(len(corpus))[:_COST_TEXTS]
        texts = [text for window in windows(corpus, rows, arl=_ARL) for text in window.texts]
        for encoder in (static, transformer):
            encoder.embed([text.body for text in texts[:_WARM]])
        spent = {_WHOLE: _spent(lambda window: transformer.embed([text.body for text in window]), texts)}
        for arm, share in ((arm, share) for arm, share in _ARMS.items() if share is not None):
            spent[arm] = _spent(lambda window, share=share: reads(window, share), texts)  # type: ignore[misc]
        yield from _beside(f"encoding, {name}, CPU-ms a text", spent)
    yield from _beside("evidence in blocks of 8, CPU-ms a text", {arm: _bet(data, cache, arm) for arm in _ARMS})


def _bet(data: Path, cache: Path, arm: str) -> float:
    """Return CPU milliseconds a text of the evidence alone."""
    corpus, read = _load(data / "corpora" / "clinc150.jsonl", cache, arm), _ARMS[arm]
    order = np.random.default_rng(18).permutation(len(corpus))
    monitor = fitted(reference(corpus, order[:_REFERENCE], seed=1), 8)
    rows = order[_REFERENCE : _REFERENCE + _EVIDENCE_TEXTS]
    stream = list(windows(corpus, rows, arl=1e6, read=round(read * WINDOW) if read else None))
    began = time.process_time()
    for window in stream:
        monitor.update(window)
    return (time.process_time() - began) / len(stream) / WINDOW * 1e3


def _beside(what: str, figures: Mapping[str, float]) -> Iterator[Row]:
    """Return a row for each arm beside the transformer over every text."""
    for arm, figure in figures.items():
        if arm != _WHOLE:
            yield Row(measure=f"{arm}: {what}", driftwatch=figure, peer=figures[_WHOLE])


def _load(file: Path, cache: Path, arm: str) -> Corpus:
    """Return a corpus with one encoder's features, or the static ones and the transformer's as its tier."""
    read = _ARMS[arm]
    if not read:
        return load(file, cache, encoder="transformer" if read is None else "static")
    static, transformer = load(file, cache), load(file, cache, encoder="transformer")
    tier = Tier(rows=np.arange(len(static)), embeddings=transformer.features.embeddings)
    return replace(static, features=replace(static.features, tier=tier))


def _heard(folder: Path, cache: Path, arm: str) -> float:
    known, stream = (_load(folder / f"{each}.jsonl", cache, arm) for each in ("reference", "stream"))
    delay = heard_in(folder, known, stream, read=_ARMS[arm] or None).delay
    return MISSED if delay is None else delay


def _in_another_order(file: Path, target: Path) -> Path:
    """Write some texts of a file with their words in another order, where that was not done yet."""
    if target.exists():
        return target
    random = np.random.default_rng(20)
    lines = file.read_text(encoding="utf-8").splitlines()
    words = [json.loads(lines[row])["text"].split() for row in random.permutation(len(lines))]
    long = [each for each in words if len(each) >= _LEAST_WORDS][:_REORDERED]
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_suffix(".new")
    said = (json.dumps({"text": " ".join(random.permutation(each).tolist())}) for each in long)
    aside.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")
    aside.replace(target)
    return target


def _spent(read: Callable[[list[Text]], object], texts: list[Text]) -> float:
    """Return CPU milliseconds a text of reading them in windows."""
    began = time.process_time()
    for start in range(0, len(texts), WINDOW):
        read(texts[start : start + WINDOW])
    return (time.process_time() - began) / len(texts) * 1e3
