"""How quickly a GPU fine-tunes: 124M parameters in bfloat16, and the share of the device's measured matmul rate.

``python -m benchmarks.retraining.device [--quick] [--json FILE]``. GPT-2's smallest architecture with untrained
weights, English paragraphs packed into sequences of 1,024 tokens, 32 of them a step, as a run trains but without its
checkpoints. Time is the clock's, warm-up steps not counted. A step is counted as 6 floating-point operations per weight
and token of text: attention and padding are work that is not counted. The matmul rate is that of square matrices in the
same numbers.
``--quick`` takes a small model on whatever device there is, so that the measurement itself can be tried anywhere.
"""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from benchmarks.retraining.training import blank, texts_of
from benchmarks.table import Row, main
from driftwatch.demo.prose import paragraphs
from driftwatch.domain.run import Progress, Recipe
from driftwatch.retrain.finetune import finetune
from driftwatch.retrain.finetune.precision import precision_here

if TYPE_CHECKING:
    from collections.abc import Iterator

_WARM = 3
_OPERATIONS = 6
"""Per weight and token: two forward, four backward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """What is trained.

    Args:
        layers: of the model.
        width: of its layers, 64 a head.
        vocabulary: rows of its embedding.
        context: tokens of a sequence.
        batch: sequences a step.
        steps: that are counted.
        texts: paragraphs.
        matrix: rows of the square matrices that are multiplied.
    """

    layers: int
    width: int
    vocabulary: int
    context: int
    batch: int
    steps: int
    texts: int
    matrix: int


_GPT2 = _Size(layers=12, width=768, vocabulary=50_257, context=1_024, batch=32, steps=20, texts=12_000, matrix=8_192)
_QUICK = _Size(layers=2, width=128, vocabulary=4_096, context=128, batch=8, steps=6, texts=800, matrix=512)


def measure(quick: bool) -> Iterator[Row]:
    """Yield tokens per second, the matmul rate and the share of it; without a GPU, that there is none."""
    import torch

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield Row(measure="GPUs here", driftwatch=torch.cuda.device_count())
    if not (quick or torch.cuda.is_available()):
        return
    size = _QUICK if quick else _GPT2
    weights, rate = _trained(size)
    most, share = _matmul_rate(size.matrix), _OPERATIONS * weights * rate
    yield Row(measure="weights, millions", driftwatch=weights / 1e6)
    yield Row(measure=f"training tokens per second, {precision_here('auto')}", driftwatch=rate)
    yield Row(
        measure="10^12 operations per second, against the device's matmul rate",
        driftwatch=share / 1e12,
        peer=most / 1e12,
    )


def _trained(size: _Size) -> tuple[int, float]:
    """Fine-tune, and return the model's weights and the tokens of text per second."""
    from driftwatch.retrain.finetune.folder import load_trainable

    bodies = paragraphs(["numpy", "scipy", "pandas", "sklearn"], size.texts)
    moments: list[float] = []
    tokens: list[float] = []

    def told(now: Progress) -> None:
        moments.append(time.perf_counter())  # the step's loss has been fetched, so the device is done with it
        tokens.append(now.figures["tokens"])

    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as name:
        folder = Path(name)
        blank(
            folder / "champion",
            bodies,
            context=size.context,
            width=size.width,
            layers=size.layers,
            heads=size.width // 64,
            rows=size.vocabulary,
        )
        finetune(
            folder / "champion",
            texts_of(bodies),
            Recipe(name="benchmark", batch=size.batch, context=size.context, epochs=100.0, checkpoint_steps=10_000),
            round=1,
            out=folder / "out",
            checkpoints=folder / "checkpoints",
            on_progress=told,
            should_stop=lambda: len(moments) >= size.steps + _WARM,
            threads=1,
        )
        weights = load_trainable(folder / "champion").num_parameters()
    seen = [after - before for before, after in pairwise(tokens)][_WARM - 1 :]
    return weights, sum(seen) / (moments[-1] - moments[_WARM - 1])


def _matmul_rate(rows: int) -> float:
    """Return the operations per second of multiplying square matrices in the precision that is trained in."""
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    kind = getattr(torch, precision_here("auto"))
    one, other = (torch.randn(rows, rows, device=where).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        begun = time.perf_counter()
        product = one @ other
        product[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - begun)
    return 2.0 * rows**3 / best


if __name__ == "__main__":
    main("retraining.device", lambda quick: list(measure(quick)))
