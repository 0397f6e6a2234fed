"""Collect: from fresh and reference texts to a mix that can be trained on and judged by without cheating.

Pure: the same texts, recipe and seed give the same mix, whatever order the texts come in. Every choice is by hash.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import RunError
from driftwatch.retrain.mix import DataCard, Mix, load_mix, save_mix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

__all__ = ["LEAST_FRESH", "DataCard", "Mix", "collect", "load_mix", "save_mix"]

LEAST_FRESH = 100
"""Fewest distinct fresh texts a run starts with."""

GROUP_SHARE = 0.05
"""Most of the fresh texts that may come from one group …"""

GROUP_LEAST = 20
"""… though a group may always give this many."""

REMEMBERED = 0.1
"""Share of the reference texts that is never replayed."""

_NOISE = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Sample:
    """A text with what it is known by: its content's key and its place in the hashed order."""

    text: Text
    key: str
    place: int

    @property
    def unit(self) -> str:
        """What must stay on one side of a split: the group, or the text itself."""
        return self.key if self.text.group is None else f"group {self.text.group}"


def collect(fresh: Iterable[Text], reference: Iterable[Text], recipe: Recipe, *, seed: int) -> Mix:
    """Clean, cap, split and mix.

    Args:
        fresh: texts since the onset.
        reference: texts the champion should still know, all of which may be replayed.
        recipe: says how much of what.
        seed: of every choice, but for which reference texts are held out: those stay so from run to run.

    Raises:
        RunError: too few distinct fresh texts.
    """
    old = _known(reference, seed=seed)
    held_out = {sample.key for sample in old.samples if _is_remembered(sample.key)}
    new = _clean(fresh, reserved=held_out, recipe=recipe, seed=seed)
    if len(new.samples) < LEAST_FRESH:
        raise _too_few(new)
    select, judge, train = _split(new.samples, share=recipe.heldout, seed=seed)
    taken = {sample.key for sample in new.samples}
    wanted = _replay_count(len(train), recipe.replay)
    replayable = [sample for sample in old.samples if sample.key not in held_out and sample.key not in taken]
    replay = replayable[:wanted]
    remembered = [sample for sample in old.samples if sample.key in held_out]
    card = DataCard(
        seed=seed,
        fresh=new.seen,
        left_out=new.left_out,
        train=len(train),
        select=len(select),
        judge=len(judge),
        groups=len({sample.unit for sample in new.samples}),
        group_cap=new.cap,
        reference=old.seen,
        replay=len(replay),
        replay_wanted=wanted,
        remembered=len(remembered),
    )
    return Mix(
        fresh=_texts(train),
        replay=_texts(replay),
        select=_texts(select),
        judge=_texts(judge),
        remembered=_texts(remembered),
        card=card,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cleaned:
    samples: list[_Sample]
    seen: int
    left_out: Mapping[str, int]
    cap: int


def _known(reference: Iterable[Text], *, seed: int) -> _Cleaned:
    left_out: Counter[str] = Counter()
    samples, seen = _distinct(reference, seed=seed, left_out=left_out)
    return _Cleaned(samples=samples, seen=seen, left_out=left_out, cap=seen)


def _clean(fresh: Iterable[Text], *, reserved: set[str], recipe: Recipe, seed: int) -> _Cleaned:
    left_out: Counter[str] = Counter()
    distinct, seen = _distinct(fresh, seed=seed, left_out=left_out)
    free = [sample for sample in distinct if sample.key not in reserved]
    left_out["reserved"] = len(distinct) - len(free)
    cap = _group_cap(Counter(sample.unit for sample in free), most=recipe.max_texts)
    capped = _first_of_each(free, cap)
    left_out["group-cap"] = len(free) - len(capped)
    kept = capped[: recipe.max_texts]
    left_out["over-limit"] = len(capped) - len(kept)
    return _Cleaned(samples=kept, seen=seen, left_out={why: n for why, n in left_out.items() if n}, cap=cap)


def _distinct(texts: Iterable[Text], *, seed: int, left_out: Counter[str]) -> tuple[list[_Sample], int]:
    """Return one text of each content, in hashed order; of equals the one with the least id stays."""
    seen = 0
    best: dict[str, Text] = {}
    bodies: set[str] = set()
    for text in texts:
        seen += 1
        words = _normalised(text.body)
        if not words:
            left_out["empty"] += 1
            continue
        if words in best:
            left_out["duplicate" if text.body in bodies else "near-duplicate"] += 1
        bodies.add(text.body)
        best[words] = min(best.get(words, text), text, key=lambda each: (each.id, each.body))
    samples = [_Sample(text, words, _hash(f"{seed}:{words}")) for words, text in best.items()]
    return sorted(samples, key=lambda sample: (sample.place, sample.key)), seen


def _normalised(body: str) -> str:
    return _NOISE.sub(" ", body.casefold()).strip() or " ".join(body.split())


def _group_cap(sizes: Mapping[str, int], *, most: int) -> int:
    """Return the largest cap under which no group has more than its share of what the cap leaves."""
    cap = max(GROUP_LEAST, int(GROUP_SHARE * min(sum(sizes.values()), most)))
    while True:
        left = min(sum(min(size, cap) for size in sizes.values()), most)
        lower = max(GROUP_LEAST, int(GROUP_SHARE * left))
        if lower >= cap:
            return cap
        cap = lower


def _first_of_each(samples: Sequence[_Sample], cap: int) -> list[_Sample]:
    taken: Counter[str] = Counter()
    kept = []
    for sample in samples:
        if taken[sample.unit] < cap:
            taken[sample.unit] += 1
            kept.append(sample)
    return kept


def _split(samples: Sequence[_Sample], *, share: float, seed: int) -> tuple[list[_Sample], ...]:
    """Return the parts for selection, judgement and training; a group is in one of them only."""
    units: dict[str, list[_Sample]] = {}
    for sample in samples:
        units.setdefault(sample.unit, []).append(sample)
    half = max(1, round(share * len(samples) / 2))
    parts: tuple[list[_Sample], ...] = ([], [], [])
    for unit in sorted(units, key=lambda name: (_hash(f"{seed}:split:{name}"), name)):
        target = next((part for part in parts[:2] if len(part) < half), parts[2])
        target.extend(units[unit])
    return parts


def _replay_count(fresh: int, share: float) -> int:
    """Return how many texts to add to the fresh ones so that they make up ``share`` of the sum."""
    if not 0 <= share < 1:
        raise RunError(f"a recipe cannot replay a share of {share}", cure="set replay to at least 0 and below 1")
    return round(fresh * share / (1 - share))


def _is_remembered(key: str) -> bool:
    return _hash(f"remembered:{key}") < REMEMBERED * 2**64


def _hash(words: str) -> int:
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _texts(samples: Sequence[_Sample]) -> tuple[Text, ...]:
    return tuple(sample.text for sample in samples)


def _too_few(found: _Cleaned) -> RunError:
    reasons = ", ".join(f"{n} {why}" for why, n in found.left_out.items()) or "nothing left out"
    return RunError(
        f"only {len(found.samples)} distinct fresh texts of {found.seen} can be used and {LEAST_FRESH} are needed "
        f"({reasons})",
        cure="let the rule wait for more with need.fresh_texts",
    )
