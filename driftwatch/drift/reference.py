"""Builds references of distinct texts, chosen and split by hash: the same texts and seed give the same version.

Groups are chosen and split whole. Torn ones would lie on both sides of the split, where CAL must not depend on TRAIN;
and a group of which some text is drawn is rather a large one, so rates counted by groups would be those of large ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.drift import Reference, ReferencePart
from driftwatch.domain.errors import DataError, EncoderError
from driftwatch.drift.evidence.known import short
from driftwatch.drift.features import concatenate, take

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from driftwatch.domain.features import Features
    from driftwatch.domain.text import Text

Extract = Callable[[Sequence["Text"]], "Features"]
OnProgress = Callable[[int, int], None]

LEAST_TEXTS = 500
"""Fewer distinct texts are no reference."""
WANTED_TEXTS = 20_000
"""Fewer are accepted with a warning: rare drift is seen late."""
TRAIN_SHARE = 0.25
_MOST_HELDOUT = 2_000
_CHUNK = 256
_SHORTEST_MEDIAN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A reference and what its builder should be told."""

    reference: Reference
    warnings: tuple[str, ...]


def build_reference(  # noqa: PLR0913 - ingredients, choices and measures, each named by its caller
    texts: Iterable[Text],
    *,
    stream: str,
    seed: int,
    sample: int,
    extract: Extract,
    created_at: datetime,
    heldout: Iterable[Text] = (),
    memory: Iterable[Text] = (),
    others: npt.NDArray[np.uint32] | None = None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Built:
    """Choose, split and measure the texts of a reference.

    Equal bodies count once. Choice and split go by a hash of seed and group, or body where there is none: input order
    makes no difference.

    Args:
        texts: what the champion learned.
        stream: whose reference.
        seed: of choice and split.
        sample: most texts kept.
        extract: gives the features of texts.
        created_at: when it is built; no part of its version.
        heldout: of the same kind, never trained on.
        memory: older texts the champion should still know.
        others: uint32 [m], 32 bits of the hash of each body that it knows besides; None for none.
        on_progress: told texts measured and in all.

    Raises:
        DataError: fewer than 500 distinct texts.
        EncoderError: an embedding is no number.
    """
    distinct, total = _distinct(texts)
    if len(distinct) < LEAST_TEXTS:
        raise _too_few(len(distinct), total)
    chosen = _choose(distinct, sample, seed=f"{seed}:sample")
    learned = {text.body for text in distinct}
    unseen = [text for text in _distinct(heldout)[0] if text.body not in learned]
    older = _distinct(memory)[0]
    spare = _choose(unseen, _MOST_HELDOUT, seed=f"{seed}:heldout")
    old = _choose(older, sample, seed=f"{seed}:memory")
    features = _measure([*chosen, *spare], extract, on_progress)
    train_rows = [row for row, text in enumerate(chosen) if _unit(f"{seed}:split", text) < TRAIN_SHARE]
    cal_rows = sorted(set(range(len(chosen))) - set(train_rows))
    heldout_rows = list(range(len(chosen), len(chosen) + len(spare)))
    everything = [*chosen, *spare]
    reference = Reference(
        stream=stream,
        version="",
        created_at=created_at,
        seed=seed,
        encoder=features.embeddings.digest,
        tokenizer=features.tokens.digest,
        champion=features.losses.digest if features.losses is not None else None,
        train=_part(everything, features, train_rows),
        cal=_part(everything, features, cal_rows),
        heldout=_part(everything, features, heldout_rows),
        memory=tuple(old),
        others=_others([*distinct, *unseen, *older], others, kept=everything),
    )
    return Built(reference=reference, warnings=tuple(_warnings(len(distinct), total, chosen)))


def _distinct(texts: Iterable[Text]) -> tuple[list[Text], int]:
    """Return one text per body, of equals the earliest, and the number of all.

    A text's id becomes a hash of its body: training data mostly has line numbers, which depend on the order.
    """
    total = 0
    best: dict[str, Text] = {}
    for text in texts:
        total += 1
        if text.body.strip():
            known = best.get(text.body)
            best[text.body] = text if known is None or _age(text) < _age(known) else known
    return [replace(text, id=_hash("text", text.body).hex()) for text in best.values()], total


def _age(text: Text) -> tuple[datetime, str, list[tuple[str, str]], str, list[tuple[str, str]]]:
    turns = [(turn.role, turn.content) for turn in text.turns]
    return text.seen_at, text.group or "", sorted(text.labels.items()), text.target or "", turns


def _others(
    texts: Sequence[Text], others: npt.NDArray[np.uint32] | None, *, kept: Sequence[Text]
) -> npt.NDArray[np.uint32] | None:
    """Return 32 bits of the hash of every body that no text kept has, uint32 [m], ascending; None for none.

    Whoever streams kept texts past a reference without them, such as the audit, must find them unknown there.
    """
    bodies = np.unique(short(text.body for text in texts))
    if others is not None:
        bodies = np.union1d(bodies, others)
    found = np.setdiff1d(bodies, short(text.body for text in kept))
    return found if len(found) else None


def _choose(texts: Sequence[Text], most: int, *, seed: str) -> list[Text]:
    return sorted(texts, key=lambda text: (_drawn(seed, text), text.body))[:most]


def _measure(texts: Sequence[Text], extract: Extract, on_progress: OnProgress) -> Features:
    parts = []
    for start in range(0, len(texts), _CHUNK):
        part = extract(texts[start : start + _CHUNK])
        if not np.isfinite(part.embeddings.values).all():
            raise EncoderError("the encoder gave embeddings that are no numbers", cure="check the encoder's weights")
        parts.append(part)
        on_progress(min(start + _CHUNK, len(texts)), len(texts))
    return concatenate(parts)


def _part(texts: Sequence[Text], features: Features, rows: Sequence[int]) -> ReferencePart:
    return ReferencePart(
        texts=tuple(texts[row] for row in rows), features=take(features, np.asarray(rows, dtype=np.int64))
    )


def _warnings(distinct: int, total: int, chosen: Sequence[Text]) -> Iterable[str]:
    if len(chosen) < WANTED_TEXTS:
        yield (f"the reference has {len(chosen):,} texts; below {WANTED_TEXTS:,} rare drift is seen late or not at all")
    if distinct < total / 2:
        yield f"{total - distinct:,} of {total:,} training texts repeat others and count once"
    if np.median([len(text.body.split()) for text in chosen]) < _SHORTEST_MEDIAN:
        yield "half of the texts have fewer than three words; is this the right field?"


def _too_few(distinct: int, total: int) -> DataError:
    return DataError(
        f"a reference needs at least {LEAST_TEXTS} distinct texts and these are {distinct} (of {total} read)",
        cure="give more training data; a few thousand texts are a start, 20,000 are good",
    )


def _hash(seed: str, body: str) -> bytes:
    return hashlib.blake2b(f"{seed}:{body}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _drawn(seed: str, text: Text) -> bytes:
    """Return the hash that a text is drawn by, the same for all texts of a group."""
    return _hash(seed, text.body) if text.group is None else _hash(f"{seed}:group", text.group)


def _unit(seed: str, text: Text) -> float:
    return int.from_bytes(_drawn(seed, text), "big") / 2**64
