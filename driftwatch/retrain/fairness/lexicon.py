"""Lists of words that speak ill of somebody, from packages that keep them; we write none of our own.

Negative words are those that VADER's ten raters put at -1.5 or lower on a scale from -4 to 4; insults, slurs among
them, are better_profanity's list. Both are English.

Source: Hutto and Gilbert 2014, VADER: A parsimonious rule-based model for sentiment analysis of social media text.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from driftwatch.domain.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEGATIVE, INSULTS = "negative", "insults"
"""Names of the lexicons, in the order in which their words are counted."""

LEXICONS = (NEGATIVE, INSULTS)

_VALENCE = -1.5


@cache
def lexicons() -> Mapping[str, frozenset[str]]:
    """Return each lexicon's words, lower case.

    Raises:
        NotFoundError: a package that keeps one is missing, or its list is not as it was.

    Examples:
        >>> "terrible" in lexicons()["negative"], "table" in lexicons()["negative"]
        (True, False)
    """
    found = {NEGATIVE: frozenset(_negative()), INSULTS: frozenset(_insults())}
    for name, words in found.items():
        if not words:
            raise NotFoundError(f"the list of {name} words is empty", cure="install driftwatch again")
    return found


def _negative() -> Iterator[str]:
    for line in _lines("vaderSentiment", "vader_lexicon.txt"):
        word, valence, *_ = line.split("\t")
        if word.isalpha() and float(valence) <= _VALENCE:
            yield word.casefold()


def _insults() -> Iterator[str]:
    yield from (line.strip().casefold() for line in _lines("better_profanity", "profanity_wordlist.txt") if _word(line))


def _word(line: str) -> bool:
    return line.strip().isalpha()


def _lines(package: str, name: str) -> list[str]:
    try:
        return files(package).joinpath(name).read_text(encoding="utf-8").splitlines()
    except (ModuleNotFoundError, OSError) as error:
        raise NotFoundError(
            f"the word list of {package} cannot be read: {error}",
            cure="install driftwatch again, it brings the package",
        ) from error
