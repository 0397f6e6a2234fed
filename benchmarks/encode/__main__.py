"""``python -m benchmarks.encode [--quick] [--score] [--device cpu|cuda] [--data FOLDER] [--json FILE]``.

All ways embed the same texts, cut at the same 128 tokens, with the default encoder, on one thread, in turns within one
run; CPU time counts (on a GPU the time until it is done). Peers run as they come, in float32; the padded loop in the
precision that pays here is printed too. ``ONEDNN_MAX_CPU_ISA=AVX512_CORE`` shows a processor without a matrix unit.
``--score`` measures the champion's loss instead.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.table import print_table, write_rows

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_TEXTS, _FEW = 400, 100
_ROUNDS = 3


def main() -> None:
    """Parse the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--score", action="store_true", help="measure the champion's loss instead of embeddings")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--texts", type=int, help=f"how many ({_TEXTS}; 20 times as many on a GPU)")
    parser.add_argument("--data", type=Path, default=_DATA, metavar="FOLDER", help="with real corpora")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    given = parser.parse_args()
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here: leave --device out")
    torch.set_num_threads(1)
    from benchmarks.encode.embedding import embedding
    from benchmarks.encode.scoring import scoring
    from benchmarks.encode.texts import mixed

    count = given.texts or (_FEW if given.quick else _TEXTS) * (20 if given.device == "cuda" else 1)
    measured = scoring if given.score else embedding
    rows = list(measured(mixed(given.data, count), device=given.device, rounds=1 if given.quick else _ROUNDS))
    print_table(rows)
    if given.json:
        write_rows(given.json, "encode", rows, quick=given.quick)


if __name__ == "__main__":
    main()
