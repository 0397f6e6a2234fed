"""The whole built-in suite on GPT-2's smallest size, 124M parameters: how long, and how much memory.

Weights are random: what they say is nothing, how long it takes is the same.
"""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

from benchmarks.bias.random_models import GPT2_VOCABULARY, random_gpt2
from benchmarks.peers.environment import cache_folder
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from driftwatch.gate.bias.pairs import Pair

_THREADS = 2
_MOST_MINUTES = 10.0
_QUICK = 256
_ALONE = 128
_AT_ONCE = 256
"""Pairs scored at once, and tokens of a tree: as the scores and the likelihoods have it."""


def measure(data: Path, *, quick: bool) -> Iterator[Row]:
    """Yield time and memory of the suite, and what sharing beginnings saves.

    Args:
        data: folder with ``corpora``.
        quick: 256 pairs, on one layer.
    """
    from rich.progress import Progress

    from driftwatch.features.loss import load_model
    from driftwatch.gate.bias.builtin import builtin_suite
    from driftwatch.gate.bias.scores import score

    cache = cache_folder().with_name("bias")
    layers = 1 if quick else 12
    folder = random_gpt2(cache / f"gpt2-{layers}x768", data, layers=layers, width=768, vocabulary=GPT2_VOCABULARY)
    model = load_model(folder, threads=_THREADS)
    pairs = builtin_suite()[: _QUICK if quick else None]
    yield Row(measure="pairs", driftwatch=len(pairs))
    through, all_of_them = _tokens(folder, pairs)
    yield Row(measure="tokens through the network, peer: of all sentences", driftwatch=through, peer=all_of_them)
    with Progress() as bar:
        task = bar.add_task("pairs", total=len(pairs))
        began, cpu = time.perf_counter(), time.process_time()
        score(model, pairs, on_progress=lambda done: bar.update(task, completed=done))
        wall, spent = time.perf_counter() - began, time.process_time() - cpu
    yield at_most(f"minutes on {_THREADS} threads, wall time", wall / 60, _MOST_MINUTES)
    yield Row(measure="CPU seconds", driftwatch=spent)
    yield Row(measure="peak memory, MiB", driftwatch=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    some = pairs[:_ALONE]
    began = time.process_time()
    score(model, some)
    together = time.process_time() - began
    began = time.process_time()
    model.losses([sentence for pair in some for sentence in (pair.stereotype, pair.counter)])
    alone = time.process_time() - began
    yield Row(measure=f"CPU seconds of {_ALONE} pairs, peer: without sharing", driftwatch=together, peer=alone)


def _tokens(folder: Path, pairs: Sequence[Pair]) -> tuple[int, int]:
    """Return how many tokens go through the network, and how many the sentences have, their beginning's included."""
    from transformers import AutoTokenizer

    from driftwatch.features.tree import trees

    tokenizer, through, whole = AutoTokenizer.from_pretrained(str(folder)), 0, 0
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        sentences = [sentence for pair in some for sentence in (pair.stereotype, pair.counter)]
        rows = [[tokenizer.bos_token_id, *ids] for ids in tokenizer(sentences)["input_ids"]]
        whole += sum(map(len, rows))
        through += sum(len(tree.ids) for tree in trees(rows, budget=_AT_ONCE))
    return through, whole
