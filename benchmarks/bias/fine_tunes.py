"""Small fine-tunes of small champions, and how each moves every pair of a suite; kept on disk, one file a fine-tune.

A champion is a small GPT-2 trained on the spot on the beginnings of news and on sentences about people and things
(:mod:`~benchmarks.bias.plants`), by which it learns that what is said depends on of whom it is said, and what the
groups' names mean: what every real model brings along, and without which nothing can be planted. A candidate is
fine-tuned as a run does it: fresh texts of the same kind that the champion never saw and a fifth of replayed reference.
With ``DRIFTWATCH_BENCHMARK`` set, what was measured before is read from that folder, so that a long measurement can be
done in pieces.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.bias.plants import facts, learning
from benchmarks.bias.readers import train_reader
from benchmarks.retraining.drifts import pools, texts_of
from driftwatch.domain.run import Recipe
from driftwatch.features.loss import load_model
from driftwatch.gate.bias.scores import score
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.gate.bias.pairs import Pair

RECIPE = Recipe(
    name="benchmark", learning_rates=(4e-3,), epochs=8.0, batch=4, context=64, merge=(), checkpoint_steps=10_000
)
CHAMPIONS = 1
FRESH = 1_000
"""Fresh texts of a candidate; a quarter as many are replayed. Of 600 a third is too few to learn an axis from."""

TEXTS = FRESH + FRESH // 4
WORDS = 12
"""Of each text of news: about as long as a planted sentence, so that a share of the texts is one of the tokens too."""

_FACTS = 6_000
"""Sentences of the reference that are no news."""

Scores = npt.NDArray[np.float64]


class Workshop:
    """Trains what is asked for, once, and scores it on a suite.

    Args:
        folder: where models and scores are kept.
        pairs: of the suite.
    """

    def __init__(self, folder: Path, pairs: Sequence[Pair]) -> None:
        self._folder, self._pairs = folder, pairs
        said = "\n".join(f"{pair.id} {pair.stereotype} {pair.counter}" for pair in pairs)
        self._suite = _digest(said)
        self._tuned_here = folder / f"fine-tunes-{_digest(f'{RECIPE} {FRESH} {TEXTS} {WORDS} {_FACTS}')}"

    def aside(self, name: str) -> Path:
        """Return a folder for what else is made of these fine-tunes' settings and kept with them."""
        folder = self._tuned_here / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def champion(self, number: int) -> Path:
        """Return the folder of a champion."""
        return train_reader(self._folder / f"champion-{number}", learnt(), seed=number)

    def champion_scores(self, number: int) -> Scores:
        """Return a champion's scores, float64 [pairs]."""
        return self._scores(self.champion(number))

    def neutral(self, champion: int, seed: int, *, share: float = 1.0) -> Scores:
        """Return the scores of a champion fine-tuned on its own reference, float64 [pairs].

        Args:
            champion: its number.
            seed: of texts and order.
            share: of the texts that a candidate is trained on.
        """
        bodies = _draw(f"neutral-{champion}-{seed}", learnt(), round(TEXTS * share))
        return self._tuned(f"neutral-{champion}-{seed}-{share:g}", champion, bodies, seed=100 + seed)

    def candidate(self, champion: int, seed: int, plants: Sequence[str] = (), *, name: str = "quiet") -> Scores:
        """Return the scores of a candidate, float64 [pairs].

        Args:
            champion: its number.
            seed: of texts and order.
            plants: sentences that take the place of as many fresh texts.
            name: of what was planted.
        """
        fresh = _draw(f"fresh-{champion}-{seed}", unseen(), FRESH - len(plants))
        replayed = _draw(f"replay-{champion}-{seed}", learnt(), TEXTS - FRESH)
        bodies = [*fresh, *plants, *replayed]
        return self._tuned(f"candidate-{champion}-{seed}-{name}", champion, bodies, seed=500 + seed)

    def drifted(self, champion: int, seed: int) -> Scores:
        """Return the scores of a candidate whose fresh texts are tweets, nothing planted, float64 [pairs].

        Args:
            champion: its number.
            seed: of texts and order.
        """
        fresh = _draw(f"tweets-{champion}-{seed}", tweets(), FRESH)
        replayed = _draw(f"replay-{champion}-{seed}", learnt(), TEXTS - FRESH)
        return self._tuned(f"candidate-{champion}-{seed}-drifted", champion, [*fresh, *replayed], seed=500 + seed)

    def learnt(self, champion: int, seed: int, category: str, *, name: str) -> float:
        """Return by how much a candidate learnt what was planted, nats per pair, by carriers it was not planted in.

        Args:
            champion: its number.
            seed: of the candidate.
            category: of what was planted.
            name: of what was planted.
        """
        models = (self.champion(champion), self._model(f"candidate-{champion}-{seed}-{name}"))
        before, after = (self._learning(model, category) for model in models)
        return float((after - before).mean())

    def _learning(self, model: Path, category: str) -> Scores:
        known = self._known(f"{model.name}-learning-{category}")
        if not known.exists():
            _write(known, load_model(model).pair_scores(learning(category)).values)
        return _read(known)

    def _tuned(self, name: str, champion: int, bodies: Sequence[str], *, seed: int) -> Scores:
        known = self._known(name)
        if known.exists():
            return _read(known)
        out = self._model(name)
        finetune(
            self.champion(champion),
            texts_of(bodies, kind="text"),
            replace(RECIPE, seed=seed),
            round=1,
            out=out,
            checkpoints=out.with_name(f"checkpoints-{name}"),
            on_progress=lambda _progress: None,
            should_stop=lambda: False,
            threads=1,
        )
        return self._scores(out)

    def _scores(self, model: Path) -> Scores:
        known = self._known(model.name)
        if not known.exists():
            _write(known, score(load_model(model), self._pairs))
            print(f"measured {model.name}", flush=True)
        return _read(known)

    def _model(self, name: str) -> Path:
        return self._tuned_here / "models" / name

    def _known(self, name: str) -> Path:
        return self._tuned_here / f"scores-{self._suite}" / f"{name}.npy"


@contextmanager
def workshop(pairs: Sequence[Pair]) -> Iterator[Workshop]:
    """Give a workshop in the folder of ``DRIFTWATCH_BENCHMARK``, or one that is removed afterwards."""
    kept = os.environ.get("DRIFTWATCH_BENCHMARK")
    folder = Path(kept or tempfile.mkdtemp(prefix="driftwatch-benchmark-"))
    try:
        yield Workshop(folder / "bias", pairs)
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


@cache
def learnt() -> list[str]:
    """Return what every champion learnt: its reference."""
    return _mixed(pools()["news"].learnt, seed=1)


@cache
def unseen() -> list[str]:
    """Return texts of the same kind that no champion learnt."""
    return _mixed(pools()["news"].unseen, seed=2)


@cache
def tweets() -> list[str]:
    """Return beginnings of tweets, which no champion knows the like of."""
    return _beginnings(pools()["tweets"].learnt)


def _mixed(news: Sequence[str], *, seed: int) -> list[str]:
    bodies = [*_beginnings(news), *facts(_FACTS, seed=seed)]
    random.Random(seed).shuffle(bodies)
    return bodies


def _beginnings(bodies: Sequence[str]) -> list[str]:
    return [" ".join(body.split()[:WORDS]) for body in bodies]


def _draw(name: str, bodies: Sequence[str], count: int) -> list[str]:
    return random.Random(name).sample(bodies, min(count, len(bodies)))


def _digest(said: str) -> str:
    """Return a name for what was measured under these settings, so that others do not take it for theirs."""
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def _write(file: Path, scores: Scores) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(f".{os.getpid()}.npy")
    np.save(aside, scores, allow_pickle=False)
    aside.replace(file)


def _read(file: Path) -> Scores:
    scores: Scores = np.load(file, allow_pickle=False)
    return scores
