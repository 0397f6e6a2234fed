"""Measures explanations: what is named without drift, and how often the truth is named with it.

``python -m benchmarks.explanation [--quick] [--data FOLDER] [--cache FOLDER] [--json FILE]``. ``--data`` is a folder
with ``corpora`` and ``scenarios`` (../shared/data by default). Texts are embedded by the product's static encoder, kept
in ``--cache``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.texts import Corpus, load, reference, windows
from benchmarks.table import Row, at_least, at_most, print_table, told, write_rows
from driftwatch.domain.drift import Change, Window
from driftwatch.drift.evidence.dependence import measure as measure_dependence
from driftwatch.drift.explain import Explainer, Explanation, texts_apart
from driftwatch.drift.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
_NONE = ("social-none", "chatbot-none", "none-social", "none-chat-bursty")
_DRIFTS = {
    "news-sudden": "agnews",
    "chatbot-new-intents": "clinc150",
    "rare-chat-auto5pct": "clinc150",
    "language-control-chat-en": "clinc150",
    "vocabulary-chat": "clinc150",
    "docs-language": "pydocs-en",
}
_BURSTY = "none-chat-bursty"
_SIZES = (500, 2_000)
_CHANNELS = ("web", "app", "mail", "shop")
_BURN_IN = 2_000
_MOSTLY = 0.5
_SEED = 1


@dataclass(frozen=True, slots=True)
class _Texts:
    """Where texts and their features are."""

    data: Path
    cache: Path

    def corpus(self, name: str) -> Corpus:
        return load(self.data / "corpora" / f"{name}.jsonl", self.cache)

    def scenario(self, name: str) -> tuple[Corpus, Corpus, int | None]:
        folder = self.data / "scenarios" / name
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        stream = load(folder / "stream.jsonl", self.cache)
        return load(folder / "reference.jsonl", self.cache), stream, truth["change_at"]


def measure(texts: _Texts, *, quick: bool) -> Iterator[Row]:
    """Return all rows."""
    for name in _NONE:
        yield _reshuffled(texts, name, reshuffles=10 if quick else 50)
    yield from _in_order(texts)
    for name, corpus in _DRIFTS.items():
        yield from _truth(texts, name, texts.corpus(corpus), sizes=_SIZES[:1] if quick else _SIZES)
    yield from _focused(texts, trials=5 if quick else 40)
    yield from _sliced(texts, trials=5 if quick else 40)
    yield from _costs(texts)


def _reshuffled(texts: _Texts, name: str, *, reshuffles: int) -> Row:
    """Return the share of windows of reshuffled streams that have anything named: four windows of each reshuffle."""
    known, stream, _ = texts.scenario(name)
    explainer = _explainer(known, np.arange(len(known)))
    named = []
    for number in range(reshuffles):
        order = np.random.default_rng([number, 1]).permutation(len(stream))[: 4 * _SIZES[0]]
        for window in windows(stream, order, arl=1e6, size=_SIZES[0]):
            here = _labelled(replace(window, index=4 * number + window.index), _channels(len(window.texts), number))
            named.append(_anything(explainer.explain(here, with_map=False)))
    what = f"{name}, {reshuffles} reshuffles: share of {len(named)} windows of 500 that have anything named"
    return at_most(what, float(np.mean(named)), 0.05)


def _in_order(texts: _Texts) -> Iterator[Row]:
    """Return the same for bursts in their real order, told and not told how far texts depend on each other."""
    known, stream, _ = texts.scenario(_BURSTY)
    explainer = _explainer(known, np.arange(len(known)))
    apart = texts_apart(measure_dependence(stream.features.embeddings.values[:_BURN_IN], settled=True))
    later = np.arange(_BURN_IN, len(stream))
    for size in _SIZES:
        found = list(windows(stream, later, arl=1e6, size=size))
        for each in (apart, 1):
            named = [_anything(explainer.explain(window, with_map=False, apart=each)) for window in found]
            told = f"told of bursts of {each}" if each > 1 else "not told of bursts"
            what = f"{_BURSTY}, real order, {told}: share of {len(named)} windows of {size:,} that have anything named"
            rate = float(np.mean(named))
            yield at_most(what, rate, 0.05) if each > 1 else Row(measure=what, driftwatch=rate)


def _truth(texts: _Texts, name: str, corpus: Corpus, *, sizes: Sequence[int]) -> Iterator[Row]:
    """Return how often the windows of a drifted stream have true words and clusters named, and how many named are true.

    A text is new where its kind in the corpus it comes from (its domain or label; none where it isn't there) is not
    among the reference's. A word that rose is true where most of the texts that hold it are new, a cluster that is new
    or grew where most of its exemplars are.
    """
    known, stream, change_at = texts.scenario(name)
    explainer = _explainer(known, np.arange(len(known)))
    kinds = dict(zip(corpus.bodies, np.where(corpus.domains == "", corpus.labels, corpus.domains), strict=True))
    usual = {kinds.get(body) for body in known.bodies}
    fresh = {body for body in stream.bodies if kinds.get(body) not in usual}
    for size in sizes:
        right: list[list[bool]] = []
        clusters: list[list[bool]] = []
        for window in windows(stream, np.arange(change_at or 0, len(stream)), arl=1e6, size=size):
            found = explainer.explain(window, with_map=False)
            right.append([_true_word(shift.word, window, fresh) for shift in found.words if shift.z > 0])
            risen = [shift for shift in found.clusters if shift.change is not Change.SHRUNK]
            clusters.append([_true_cluster(shift.exemplars, fresh) for shift in risen])
        what = f"{name}, {len(right)} windows of {size:,}"
        yield Row(measure=f"{what}: share that have a true word named", driftwatch=_any_rate(right))
        yield Row(measure=f"{what}: share that have a true cluster named", driftwatch=_any_rate(clusters))
        for kind, lists in (("words", right), ("clusters", clusters)):
            every = [each for part in lists for each in part]
            if every:
                yield Row(measure=f"{what}: true ones of {len(every)} {kind} named", driftwatch=float(np.mean(every)))


def _focused(texts: _Texts, *, trials: int) -> Iterator[Row]:
    """Return how often one new intent, at some share of a window, is named as a cluster that is new."""
    corpus = texts.corpus("clinc150")
    intents = sorted(set(corpus.labels[corpus.domains != "oos"]))
    for share, size in ((0.05, 500), (0.1, 500), (0.2, 500), (0.05, 1_000)):
        named, held = [], []
        for trial in range(trials):
            random = np.random.default_rng([trial, int(100 * share)])
            intent = str(random.choice(intents))
            new = np.flatnonzero(corpus.labels == intent)
            old = random.permutation(np.flatnonzero((corpus.labels != intent) & (corpus.domains != "oos")))
            count = int(share * size)
            mixed = random.permutation([*random.permutation(new)[:count], *old[8_000 : 8_000 + size - count]])
            window = next(iter(windows(corpus, mixed, arl=1e6, size=size)))
            found = _explainer(corpus, old[:8_000]).explain(window, with_map=False).clusters
            fresh = {corpus.bodies[row] for row in new}
            true = [shift for shift in found if shift.change is Change.NEW and _true_cluster(shift.exemplars, fresh)]
            named.append(bool(true))
            held += [shift.share / share for shift in true[:1]]
        what = f"one new intent at {share:.0%} of {size:,} texts, reference 8,000"
        rate = float(np.mean(named))
        named_row = f"{what}: share of {trials} windows that have it named as a new cluster"
        yield at_least(named_row, rate, 0.9) if share >= 0.1 else Row(measure=named_row, driftwatch=rate)
        if held:
            yield Row(
                measure=f"{what}: the cluster's share over the intent's, median", driftwatch=float(np.median(held))
            )


def _sliced(texts: _Texts, *, trials: int) -> Iterator[Row]:
    """Return how often the channel with the new texts, and it alone, is named; and any where all have them."""
    corpus = texts.corpus("clinc150")
    new = np.flatnonzero(corpus.domains == "travel")
    old = np.random.default_rng(_SEED).permutation(np.flatnonzero(~np.isin(corpus.domains, ["travel", "oos"])))
    explainer = _explainer(corpus, old[:8_000])
    cases = {
        "half of one channel of four is new": (0.5, ("app",), ("app",)),
        "a fifth of every channel is new": (0.2, _CHANNELS, ()),
        "a channel grew, nothing is new": (0.0, (), ()),
    }
    for what, (share, where, expected) in cases.items():
        named = []
        for trial in range(trials):
            random = np.random.default_rng([trial, 3])
            rows = random.permutation(old[8_000:])[:500]
            odds = (0.1, 0.7, 0.1, 0.1) if share == 0 else (0.25,) * 4
            channels = random.choice(_CHANNELS, 500, p=odds)
            fresh = np.isin(channels, where) & (random.random(500) < share)
            rows[fresh] = random.permutation(new)[: int(fresh.sum())]
            window = _labelled(next(iter(windows(corpus, rows, arl=1e6))), channels)
            found = explainer.explain(replace(window, index=trial), with_map=False).slices
            named.append(tuple(shift.value for shift in found) == expected)
        says = f"names {' and '.join(expected)} alone" if expected else "names no slice"
        rate = float(np.mean(named))
        yield at_least(f"{what} (500 texts): share of {trials} windows where driftwatch {says}", rate, 0.9)


def _costs(texts: _Texts) -> Iterator[Row]:
    """Return CPU-seconds of a fit to 20,000 texts and of explaining a window of 500, map included."""
    corpus = texts.corpus("clinc150")
    order = np.random.default_rng(_SEED).permutation(len(corpus))
    window = next(iter(windows(corpus, order[20_000:20_500], arl=1e6)))
    began = time.process_time()
    explainer = _explainer(corpus, order[:20_000])
    fitted = time.process_time()
    explainer.explain(_labelled(window, _channels(500, 1)), with_map=True)
    yield Row(measure="fit to a reference of 20,000 texts, CPU-s", driftwatch=fitted - began)
    yield at_most("explain 500 texts against 20,000, with a map, CPU-s", time.process_time() - fitted, 1.0)


def _explainer(corpus: Corpus, rows: npt.NDArray[np.int64]) -> Explainer:
    return Explainer(reference(corpus, rows, seed=_SEED), seed=_SEED)


def _channels(count: int, seed: int) -> npt.NDArray[np.str_]:
    return np.random.default_rng([seed, 2]).choice(_CHANNELS, count)


def _labelled(window: Window, channels: npt.NDArray[np.str_]) -> Window:
    texts = zip(window.texts, channels, strict=True)
    return replace(window, texts=tuple(replace(text, labels={"channel": str(each)}) for text, each in texts))


def _anything(found: Explanation) -> bool:
    return bool(found.words or found.clusters or found.slices)


def _true_word(word: str, window: Window, fresh: set[str]) -> bool:
    holding = [text.body in fresh for text in window.texts if word in words_of(text.body)]
    return bool(holding) and float(np.mean(holding)) > _MOSTLY


def _true_cluster(exemplars: Sequence[str], fresh: set[str]) -> bool:
    starts = tuple(" ".join(body.split()) for body in fresh)
    held = [any(body.startswith(each.removesuffix("…")) for body in starts) for each in exemplars]
    return bool(held) and float(np.mean(held)) > _MOSTLY


def _any_rate(lists: Sequence[Sequence[bool]]) -> float:
    return float(np.mean([any(each) for each in lists])) if lists else 0.0


def _main() -> None:
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftwatch" / "evidence"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanation")
    parser.add_argument("--quick", action="store_true", help="fewer draws and trials: a few minutes")
    parser.add_argument("--data", type=Path, default=_BESIDE, help="folder with corpora and scenarios")
    parser.add_argument("--cache", type=Path, default=kept, help="where features are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    rows = told(measure(_Texts(arguments.data, arguments.cache), quick=arguments.quick))
    print()
    print_table(rows)
    if arguments.json:
        write_rows(arguments.json, "explanation", rows, quick=arguments.quick)


if __name__ == "__main__":
    _main()
