"""What the losses of masked models and classifiers cost, and masked scores of bias pairs: packed, padded, in a loop.

Weights are those of the default encoder with heads of random numbers, and random ones of BERT's sizes: what is computed
does not depend on them. Peers get their rows ready made, tokenised and hidden; driftwatch's time holds that as well.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.encode.clock import in_turns
from benchmarks.encode.embedding import LIMIT
from benchmarks.encode.peers import BATCH
from benchmarks.table import Row, at_most
from driftwatch.domain.text import Text
from driftwatch.features.answers import Padded
from driftwatch.features.blanks import Blank, shared
from driftwatch.features.classifier import ClassifierModel
from driftwatch.features.crossentropy import cross_entropies
from driftwatch.features.encoder import DEFAULT, find_folder
from driftwatch.features.masked import MaskedModel, masks
from driftwatch.features.model import Family
from driftwatch.features.network import load_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from driftwatch.features.network import Network

    Nats = npt.NDArray[np.float64]

_APART = 1e-3
"""Nats, over all tokens of a text: a limit of a rule begins at 0.02 nats a token."""
_CLASSES = 4
_WORDS = 16
"""Of a bias pair's sentence, about."""
_SMALL, _LARGE = "MiniLM (6 layers of 384)", "BERT (12 layers of 768)"


def restoring(texts: Sequence[str], *, at: datetime, device: str, rounds: int) -> Iterator[Row]:
    """Yield rows of texts a second for two sizes of models and both families, and how far losses part.

    Args:
        texts: to score; a fifth of them by the large model.
        at: when they were said.
        device: ``cpu`` or ``cuda``.
        rounds: of all ways, one after the other.
    """
    for size, some in ((_SMALL, texts), (_LARGE, texts[: max(8, len(texts) // 5)])):
        with _folder(size, "MaskedLM") as folder:
            ours = MaskedModel(folder)
            network = load_network(folder, Family.MASKED, "AutoModelForMaskedLM", threads=1)
            rows = _rows(network, some)
            blanks = [_hidden(network, row, places) for row in rows for places in masks(row, special=_special(network))]
            calls: dict[str, Callable[[], Nats]] = {
                "ours": partial(_losses, ours, some),
                **_ways(network, blanks, device),
            }
            owners = [text for text, row in enumerate(rows) for _ in masks(row, special=_special(network))]
            yield from _told(f"{size}, masked model, texts", calls, owners, device=device, rounds=rounds)
            pairs = [(f"She said: {body}", f"He said: {body}") for body in map(_short, some[::8])]
            blanks, owners = _paired(network, pairs)
            calls = {"ours": partial(_preferences, ours, pairs), **_ways(network, blanks, device)}
            yield from _told(f"{size}, masked model, pairs", calls, owners, device=device, rounds=rounds, pairs=True)
        with _folder(size, "SequenceClassification") as folder:
            yield from _choosing(size, folder, some, at=at, device=device, rounds=rounds)


def _choosing(
    size: str, folder: Path, texts: Sequence[str], *, at: datetime, device: str, rounds: int
) -> Iterator[Row]:
    classifier = ClassifierModel(folder)
    network = load_network(folder, Family.CLASSIFIER, "AutoModelForSequenceClassification", threads=1)
    labelled = [
        Text(id=str(number), body=body, seen_at=at, target=str(number % _CLASSES)) for number, body in enumerate(texts)
    ]
    asked = [Blank(row, [0], [number % _CLASSES]) for number, row in enumerate(_rows(network, texts))]
    calls: dict[str, Callable[[], Nats]] = {
        "ours": lambda: classifier.score(labelled).nats,
        **_ways(network, asked, device),
    }
    yield from _told(f"{size}, classifier, texts", calls, range(len(asked)), device=device, rounds=rounds)


def _told(
    name: str,
    calls: dict[str, Callable[[], Nats]],
    owners: Sequence[int],
    *,
    device: str,
    rounds: int,
    pairs: bool = False,
) -> Iterator[Row]:
    """Yield what the ways cost; those of peers give each blank's nats, which are summed by their owners."""
    found, seconds = in_turns(calls, device, rounds=rounds)
    count = len(found["ours"])
    rate = {way: count / each for way, each in seconds.items()}
    unit = "CPU-s" if device == "cpu" else "s"
    for way, said in (("loop", "a loop over 32, padded to 128"), ("padded", "sorted, padded batches")):
        yield Row(measure=f"{name} per {unit}: packed against {said}", driftwatch=rate["ours"], peer=rate[way])
    sums = np.bincount(owners, weights=found["loop"], minlength=2 * count if pairs else count)
    wanted = sums[1::2] - sums[0::2] if pairs else sums
    yield at_most("… most that one differs from the loop's, nats", float(np.abs(found["ours"] - wanted).max()), _APART)


def _losses(model: MaskedModel, texts: Sequence[str]) -> Nats:
    return model.losses(texts).nats


def _preferences(model: MaskedModel, pairs: Sequence[tuple[str, str]]) -> Nats:
    return model.pair_scores(pairs).values


def _ways(network: Network, blanks: Sequence[Blank], device: str) -> dict[str, Callable[[], Nats]]:
    return {"padded": partial(_padded, network, blanks), "loop": partial(_loop, network, blanks, device)}


def _padded(network: Network, blanks: Sequence[Blank]) -> Nats:
    """Return each blank's nats by driftwatch's plain path: sorted by length, the head at hidden places alone."""
    import torch

    answers, found = Padded(network, together=True), np.zeros(len(blanks))
    for batch in answers.batches([blank.row for blank in blanks]):
        some = [blanks[place] for place in batch]
        (logits,) = answers.logits([blank.row for blank in some], [blank.places for blank in some])
        wanted = torch.tensor([token for blank in some for token in blank.wanted], device=logits.device)
        owners = np.repeat(np.arange(len(some)), [len(blank.places) for blank in some])
        found[batch] = np.bincount(owners, weights=cross_entropies(logits, wanted), minlength=len(some))
    return found


def _loop(network: Network, blanks: Sequence[Blank], device: str) -> Nats:
    """Return each blank's nats as a user of transformers would take them."""
    import torch
    from torch.nn.functional import cross_entropy

    model: Any = network.model
    found = []
    for start in range(0, len(blanks), BATCH):
        some = blanks[start : start + BATCH]
        rows = [{"input_ids": list(blank.row)} for blank in some]
        batch = network.tokenizer.pad(rows, padding="max_length", max_length=LIMIT, return_tensors="pt").to(device)
        with torch.inference_mode():
            logits = model(**batch).logits
        for each, blank in zip(logits, some, strict=True):
            wanted = torch.tensor(blank.wanted, device=device)
            at = each[list(blank.places)] if each.ndim == 2 else each[None]
            found.append(cross_entropy(at, wanted, reduction="sum").item())
    return np.array(found)


def _rows(network: Network, texts: Sequence[str]) -> list[list[int]]:
    rows: list[list[int]] = network.tokenizer(list(texts), truncation=True, max_length=LIMIT)["input_ids"]
    return rows


def _hidden(network: Network, row: Sequence[int], places: Sequence[int]) -> Blank:
    mask = network.tokenizer.mask_token_id
    return Blank(
        [mask if place in places else token for place, token in enumerate(row)],
        places,
        [row[place] for place in places],
    )


def _paired(network: Network, pairs: Sequence[tuple[str, str]]) -> tuple[list[Blank], list[int]]:
    """Return every token that the sentences of a pair share, hidden by itself, and which sentence each is of."""
    rows, special = _rows(network, [sentence for pair in pairs for sentence in pair]), _special(network)
    asked = [
        (number + side, both[side])
        for number in range(0, len(rows), 2)
        for both in shared(rows[number], rows[number + 1])
        for side in range(2)
        if rows[number][both[0]] not in special
    ]
    return [_hidden(network, rows[row], [place]) for row, place in asked], [row for row, _ in asked]


def _special(network: Network) -> frozenset[int]:
    return frozenset(network.tokenizer.all_special_ids)


def _short(text: str) -> str:
    return " ".join(text.split()[:_WORDS])


@contextmanager
def _folder(size: str, head: str) -> Iterator[Path]:
    """Write a model of a size with a head, and its tokenizer, cut at the limit."""
    import torch
    import transformers

    encoder = find_folder(DEFAULT)
    kind: Any = getattr(transformers, f"BertFor{head}")
    more: dict[str, Any] = {"num_labels": _CLASSES} if head != "MaskedLM" else {}
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    model = kind.from_pretrained(str(encoder), **more) if size == _SMALL else kind(transformers.BertConfig(**more))
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        model.save_pretrained(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(encoder), model_max_length=LIMIT)
        tokenizer.save_pretrained(folder)
        yield Path(folder)
