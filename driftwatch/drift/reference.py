"""Builds references of distinct texts, chosen and split by hash: the same texts and seed give the same version.

Groups are chosen and split whole. Torn ones would lie on both sides of the split, where CAL must not depend on TRAIN;
and a group of which some text is drawn is rather a large one, so rates counted by groups would be those of large ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.drift import Reference, ReferencePart
from driftwatch.domain.errors import DataError, EncoderError
from driftwatch.drift.choice import HASHES, MOST_HELDOUT, Choice, choose, distinct, drawn, heldout_seed, learned_seed
from driftwatch.drift.evidence.known import short
from driftwatch.drift.features import concatenate, every_embedding, take

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
_CHUNK = 256
_SHORTEST_MEDIAN = 3
_SHORT_HASHES = 2**32
_MOST_MISTAKEN = 0.01


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
    """Choose, split and measure the texts of a reference, all of which fit into memory.

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
    ours, total = distinct(texts)
    learned = {text.body for text in ours}
    theirs, heldout_total = distinct(heldout)
    unseen = [text for text in theirs if text.body not in learned]
    older, memory_total = distinct(memory)
    return assemble(
        choose(ours, total=total, most=sample, seed=learned_seed(seed)),
        heldout=choose(unseen, total=heldout_total, most=MOST_HELDOUT, seed=heldout_seed(seed)),
        memory=choose(older, total=memory_total, most=sample, seed=f"{seed}:memory"),
        stream=stream,
        seed=seed,
        extract=extract,
        created_at=created_at,
        others=others,
        on_progress=on_progress,
    )


def assemble(  # noqa: PLR0913 - likewise
    learned: Choice,
    *,
    heldout: Choice,
    memory: Choice | None = None,
    stream: str,
    seed: int,
    extract: Extract,
    created_at: datetime,
    others: npt.NDArray[np.uint32] | None = None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Built:
    """Split and measure the texts chosen for a reference.

    Args:
        learned: of what the champion learned.
        heldout: of texts of the same kind that it never saw.
        memory: of older texts that it should still know; None for none.
        stream: whose reference.
        seed: that they were chosen by, and are split by.
        extract: gives the features of texts.
        created_at: when it is built; no part of its version.
        others: uint32 [m], 32 bits of the hash of each body that it knows besides; None for none.
        on_progress: told texts measured and in all.

    Raises:
        DataError: there are fewer than 500 distinct texts.
        EncoderError: an embedding is no number.
    """
    if learned.distinct < LEAST_TEXTS:
        raise _too_few(learned.distinct, learned.total)
    chosen = learned.texts
    everything = [*chosen, *heldout.texts]
    features = _measure(everything, extract, on_progress)
    train_rows = [row for row, text in enumerate(chosen) if drawn(f"{seed}:split", text) / HASHES < TRAIN_SHARE]
    cal_rows = sorted(set(range(len(chosen))) - set(train_rows))
    heldout_rows = list(range(len(chosen), len(everything)))
    bodies = [each.bodies for each in (learned, heldout, memory) if each is not None]
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
        memory=tuple(memory.texts) if memory is not None else (),
        others=_others(bodies if others is None else [*bodies, others], kept=everything),
        tier=features.tier.embeddings.digest if features.tier is not None else None,
    )
    return Built(reference=reference, warnings=tuple(_warnings(learned)))


def _others(bodies: Sequence[npt.NDArray[np.uint32]], *, kept: Sequence[Text]) -> npt.NDArray[np.uint32] | None:
    """Return 32 bits of the hash of every body that no text kept has, uint32 [m], ascending; None for none.

    Whoever streams kept texts past a reference without them, such as the audit, must find them unknown there.
    """
    ours = np.unique(short(text.body for text in kept))
    found = np.zeros(0, dtype=np.uint32)
    for some in (each for each in bodies if len(each)):
        found = np.union1d(found, some) if len(found) else some
    places = np.searchsorted(found, ours)
    places = places[found.take(places, mode="clip") == ours] if len(found) else places[:0]
    left = np.delete(found, places)
    return left if len(left) else None


def _measure(texts: Sequence[Text], extract: Extract, on_progress: OnProgress) -> Features:
    parts = []
    for start in range(0, len(texts), _CHUNK):
        part = extract(texts[start : start + _CHUNK])
        if not all(np.isfinite(values).all() for values in every_embedding(part)):
            raise EncoderError("the encoder gave embeddings that are no numbers", cure="check the encoder's weights")
        parts.append(part)
        on_progress(min(start + _CHUNK, len(texts)), len(texts))
    return concatenate(parts)


def _part(texts: Sequence[Text], features: Features, rows: Sequence[int]) -> ReferencePart:
    return ReferencePart(
        texts=tuple(texts[row] for row in rows), features=take(features, np.asarray(rows, dtype=np.int64))
    )


def _warnings(learned: Choice) -> Iterable[str]:
    chosen = learned.texts
    if len(chosen) < WANTED_TEXTS:
        yield (f"the reference has {len(chosen):,} texts; below {WANTED_TEXTS:,} rare drift is seen late or not at all")
    if learned.distinct < learned.total / 2:
        repeats = learned.total - learned.distinct
        yield f"{repeats:,} of {learned.total:,} training texts repeat others and count once"
    if np.median([len(text.body.split()) for text in chosen]) < _SHORTEST_MEDIAN:
        yield "half of the texts have fewer than three words; is this the right field?"
    if (mistaken := len(learned.bodies) / _SHORT_HASHES) > _MOST_MISTAKEN:
        yield f"so many texts were learnt that {mistaken:.1%} of new ones are taken for known: evidence gathers slower"


def _too_few(distinct: int, total: int) -> DataError:
    return DataError(
        f"a reference needs at least {LEAST_TEXTS} distinct texts and these are {distinct} (of {total} read)",
        cure="give more training data; a few thousand texts are a start, 20,000 are good",
    )
