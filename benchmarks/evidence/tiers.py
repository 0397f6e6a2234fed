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
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.evidence.texts import Corpus
    from driftwatch.domain.text import Text

SHARES = (0.2, 0.1, 0.05)
READ = 0.1
"""Share of the texts that the transformer reads where there are two tiers."""
_ARL, _REFERENCE = 1e4, 8_000
_COST_TEXTS, _WARM = 2_000, 64
_SCENARIOS = ("news-sudden", "toxicity-social-10pct", "rare-chat-auto5pct")
_STREAM = 30_000
_REORDERED, _LEAST_WORDS = 700, 5


def tiers(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return delays of two tiers, and of the static encoder alone, with the transformer over every text as the peer.

    Args:
        data: folder with corpora and scenarios.
        cache: where features are kept.
        trials: intents that are new in turn.
    """
    arms = {
        name: _load(data / "corpora" / "clinc150.jsonl", cache, name) for name in ("transformer", "tiers", "static")
    }
    found = {
        name: delays_over_intents(
            corpus, list(SHARES), trials, size=_REFERENCE, arl=_ARL, dependence=8, read=_read(name)
        )
        for name, corpus in arms.items()
    }
    for share in SHARES:
        for name in ("tiers", "static"):
            yield Row(
                measure=f"{_SAID[name]}: delay, a new intent at {share:.0%}, blocks of 8, A = 10^4, {trials} trials",
                driftwatch=found[name][share],
                peer=found["transformer"][share],
            )
    for scenario in _SCENARIOS:
        delays = {name: _heard(data / "scenarios" / scenario, cache, name) for name in arms}
        for name in ("tiers", "static"):
            yield Row(
                measure=f"{_SAID[name]}: {scenario}, delay in texts",
                driftwatch=delays[name],
                peer=delays["transformer"],
            )


def reordered(data: Path, cache: Path, *, trials: int) -> Iterator[Row]:
    """Return delays for texts whose words come in another order: tokens and static embeddings stay what they are.

    Args:
        data: folder with corpora.
        cache: where features are kept.
        trials: references in turn.
    """
    file = _in_another_order(data / "corpora" / "clinc150.jsonl", cache / "clinc150-reordered.jsonl")
    found: dict[tuple[str, float], list[int]] = {}
    for name in ("transformer", "tiers", "static"):
        plain, turned = _load(data / "corpora" / "clinc150.jsonl", cache, name), _load(file, cache, name)
        both = replace(
            plain,
            bodies=(*plain.bodies, *turned.bodies),
            features=concatenate([plain.features, turned.features]),
        )
        for trial in range(trials):
            random = np.random.default_rng([19, trial])
            old = random.permutation(len(plain))
            new = len(plain) + random.permutation(len(turned))
            monitor = fitted(reference(both, old[:_REFERENCE], seed=trial), 8)
            fresh = monitor.state()
            for share in SHARES:
                monitor.go_on(fresh)
                stream = changing(old[_REFERENCE:], new, share, random)
                found.setdefault((name, share), []).append(delay_of(monitor, both, stream, _ARL, read=_read(name)))
    for share in SHARES:
        for name in ("tiers", "static"):
            yield Row(
                measure=f"{_SAID[name]}: delay, words in another order at {share:.0%}, {trials} trials",
                driftwatch=float(np.median(found[name, share])),
                peer=float(np.median(found["transformer", share])),
            )


def _in_another_order(file: Path, target: Path) -> Path:
    """Write some texts of a file with their words in another order, where that was not done yet."""
    if target.exists():
        return target
    random = np.random.default_rng(20)
    lines = file.read_text(encoding="utf-8").splitlines()
    bodies = [json.loads(lines[row])["text"].split() for row in random.permutation(len(lines))]
    long = [body for body in bodies if len(body) >= _LEAST_WORDS][:_REORDERED]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as lines_of:
        for body in long:
            lines_of.write(json.dumps({"text": " ".join(random.permutation(body).tolist())}) + "\n")
    return target


def quiet(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return false alarms of two tiers on shuffled intents, text by text at a budget small enough to count them."""
    corpus, arl, found, seen = _load(data / "corpora" / "clinc150.jsonl", cache, "tiers"), 1e3, 0, 0
    for draw in range(draws):
        order = np.random.default_rng([18, draw]).permutation(len(corpus))
        monitor = fitted(reference(corpus, order[:_REFERENCE], seed=draw), "independent")
        stream = order[_REFERENCE:]
        found += len(alarms(monitor, windows(corpus, stream, arl=arl, read=round(READ * WINDOW))))
        seen += len(stream) // WINDOW * WINDOW
    allowed = seen / arl
    yield Row(
        measure=f"two tiers: false alarms, i.i.d., CLINC150, A = 10^3, {seen:,} texts, {draws} references",
        driftwatch=found,
        target=f"<= {allowed:g}",
        met=found <= allowed,
    )


def costs(data: Path, cache: Path) -> Iterator[Row]:
    """Return CPU milliseconds a text in windows of 500, one thread; peer is the transformer over every text."""
    settings = EncoderSettings()
    static, transformer = (
        load_encoder(each, threads=1, cache=cache / "encoders") for each in (settings.static, settings)
    )
    for name in ("clinc150", "tweets"):
        corpus = load(data / "corpora" / f"{name}.jsonl", cache)
        rows = np.random.default_rng(18).permutation(len(corpus))[:_COST_TEXTS]
        texts = [text for window in windows(corpus, rows, arl=_ARL) for text in window.texts]
        bodies = [text.body for text in texts]
        static.embed(bodies[:_WARM])
        transformer.embed(bodies[:_WARM])
        whole = _spent(lambda window: transformer.embed([text.body for text in window]), texts)

        def both(window: list[Text]) -> None:
            static.embed([text.body for text in window])
            rows = chosen(window, most=round(READ * WINDOW))
            transformer.embed([window[row].body for row in rows.tolist()])

        yield Row(
            measure=f"two tiers: encoding, {name}, the transformer on {READ:.0%}, CPU-ms a text",
            driftwatch=_spent(both, texts),
            peer=whole,
        )
    arms = {name: _load(data / "corpora" / "clinc150.jsonl", cache, name) for name in ("transformer", "tiers")}
    spent, most = {}, round(READ * WINDOW)
    for name, corpus in arms.items():
        order = np.random.default_rng(18).permutation(len(corpus))
        monitor = fitted(reference(corpus, order[:_REFERENCE], seed=1), 8)
        stream = list(windows(corpus, order[_REFERENCE : _REFERENCE + _STREAM // 5], arl=1e6, read=most))
        began = time.process_time()
        for window in stream:
            monitor.update(window)
        spent[name] = (time.process_time() - began) / len(stream) / WINDOW * 1e3
    yield Row(
        measure="two tiers: evidence in blocks of 8, CPU-ms a text",
        driftwatch=spent["tiers"],
        peer=spent["transformer"],
    )


_SAID = {"tiers": f"two tiers, the transformer on {READ:.0%}", "static": "static alone"}


def _read(name: str) -> float | None:
    return READ if name == "tiers" else None


def _load(file: Path, cache: Path, name: str) -> Corpus:
    """Return a corpus with one encoder's features, or the static ones and the transformer's as its tier."""
    if name != "tiers":
        return load(file, cache, encoder="static" if name == "static" else "transformer")
    static, transformer = load(file, cache), load(file, cache, encoder="transformer")
    tier = Tier(rows=np.arange(len(static)), embeddings=transformer.features.embeddings)
    return replace(static, features=replace(static.features, tier=tier))


def _heard(folder: Path, cache: Path, name: str) -> float:
    known, stream = (_load(folder / f"{each}.jsonl", cache, name) for each in ("reference", "stream"))
    delay = heard_in(folder, known, stream, read=_read(name)).delay
    return MISSED if delay is None else delay


def _spent(read: Callable[[list[Text]], object], texts: list[Text]) -> float:
    """Return CPU milliseconds a text of reading them in windows."""
    began = time.process_time()
    for start in range(0, len(texts), WINDOW):
        read(texts[start : start + WINDOW])
    return (time.process_time() - began) / len(texts) * 1e3
