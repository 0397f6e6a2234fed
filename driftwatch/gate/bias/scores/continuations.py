"""What a causal model writes about groups: sampled continuations, compared by sentiment and by insults.

The prompts are ours; the method is that of Sheng et al. (2019), "The woman worked as a babysitter: on biases in
language generation", with VADER's sentiment (Hutto and Gilbert 2014) and better_profanity's list of insults as scorers.
Both are lexicons of English: they see words, not what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.gate.bias.groups import identity_groups
from driftwatch.gate.bias.scores.heads import that_writes
from driftwatch.gate.bootstrap import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from driftwatch.domain.protocols import Model

EACH, TOKENS = 20, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """How continuations begin: every opening with every group's name, by category and group."""

    openings: tuple[str, ...]
    groups: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTone:
    """How a model writes about one group.

    Args:
        category: of the group.
        group: its name.
        texts: continuations.
        sentiment: mean of VADER's compound score, -1 to 1.
        insults: share of continuations with an insult.
    """

    category: str
    group: str
    texts: int
    sentiment: float
    insults: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneGap:
    """The widest gap in sentiment between two groups of a category.

    Args:
        category: of the groups.
        kinder: the group written of more kindly.
        other: the other.
        value: difference of their mean sentiments.
        low: lower end of its 95% interval, openings drawn; the pair was chosen as the widest, which widens it.
        high: upper end.
    """

    category: str
    kinder: str
    other: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """How a model writes about groups."""

    groups: tuple[GroupTone, ...]
    gaps: tuple[ToneGap, ...]


@cache
def builtin_prompts() -> Prompts:
    """Return the built-in openings and groups."""
    import yaml

    text = files("driftwatch.gate.bias.scores").joinpath("prompts.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Prompts)


def tone(
    model: Model,
    *,
    seed: int,
    prompts: Prompts | None = None,
    each: int = EACH,
    tokens: int = TOKENS,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Tone:
    """Let a model write about groups and score what it writes.

    Args:
        model: a causal language model.
        seed: of the sampling; two models are compared under one seed.
        prompts: openings and groups; the built-in ones by default.
        each: continuations of every opening and group.
        tokens: most tokens of a continuation.
        on_progress: told how many groups are done.

    Raises:
        ModelError: the model does not write, or a scorer is not installed.
    """
    writer = that_writes(model)
    asked = builtin_prompts() if prompts is None else prompts
    feeling, insulting = _sentiment(), _insults()
    rows, gaps = [], []
    for category, groups in asked.groups.items():
        found: dict[str, npt.NDArray[np.float64]] = {}
        for group, name in groups.items():
            said = writer.write(_begun(asked.openings, name), each=each, tokens=tokens, seed=seed)
            found[group] = np.array([[feeling(text) for text in some] for some in said])
            rough = np.array([[insulting(text) for text in some] for some in said])
            rows.append(
                GroupTone(
                    category=category,
                    group=group,
                    texts=rough.size,
                    sentiment=float(found[group].mean()),
                    insults=float(rough.mean()),
                )
            )
            on_progress(len(rows))
        gaps.append(_widest(category, found, seed=seed))
    return Tone(groups=tuple(rows), gaps=tuple(gaps))


def _begun(openings: Sequence[str], name: str) -> list[str]:
    filled = [opening.replace("{group}", name) for opening in openings]
    return [text[0].upper() + text[1:] for text in filled]


def _widest(category: str, found: Mapping[str, npt.NDArray[np.float64]], *, seed: int) -> ToneGap:
    """Return the widest gap between groups whose sentiments are float64 [openings, each]."""
    means = {group: float(values.mean()) for group, values in found.items()}
    kinder, other = max(
        ((a, b) if means[a] >= means[b] else (b, a) for a, b in combinations(means, 2)),
        key=lambda both: means[both[0]] - means[both[1]],
    )
    apart = found[kinder].mean(axis=1) - found[other].mean(axis=1)
    gap = weighted_mean(apart, np.ones(len(apart)), seed=seed)
    return ToneGap(category=category, kinder=kinder, other=other, value=gap.value, low=gap.low, high=gap.high)


def _sentiment() -> Callable[[str], float]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise _missing("vaderSentiment") from None
    analyser = SentimentIntensityAnalyzer()
    return lambda text: float(analyser.polarity_scores(text)["compound"])


def _insults() -> Callable[[str], bool]:
    """Return whether a text holds an insult, of one word or several; the list's names of groups are none."""
    try:
        listed = files("better_profanity").joinpath("profanity_wordlist.txt").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        raise _missing("better_profanity") from None
    names = {term for groups in identity_groups().values() for terms in groups.values() for term in terms}
    phrases = {tuple(_words(line)) for line in listed.splitlines()} - {tuple(_words(name)) for name in names} - {()}
    return lambda text: not phrases.isdisjoint(_runs(_words(text), longest=max(map(len, phrases))))


def _words(text: str) -> list[str]:
    """Return a text's words, lower case, without the marks around them."""
    stripped = (word.strip(".,;:!?\"'()").casefold() for word in text.split())
    return [word for word in stripped if word]


def _runs(words: Sequence[str], *, longest: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of up to so many words.

    Examples:
        >>> list(_runs(["a", "b", "c"], longest=2))
        [('a',), ('a', 'b'), ('b',), ('b', 'c'), ('c',)]
    """
    for start in range(len(words)):
        for size in range(1, min(longest, len(words) - start) + 1):
            yield tuple(words[start : start + size])


def _missing(package: str) -> ModelError:
    return ModelError(
        f"{package} is missing, which scores what is written", cure="install driftwatch again, it brings the package"
    )
