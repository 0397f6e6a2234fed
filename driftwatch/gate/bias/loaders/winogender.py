"""Winogender: sentences that differ in one pronoun, about sixty occupations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, csv_rows
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SENTENCES, TEMPLATES, STATISTICS = "all_sentences.tsv", "templates.tsv", "occupations-stats.tsv"
_PRONOUNS = {"$NOM_PRONOUN": ("she", "he"), "$POSS_PRONOUN": ("her", "his"), "$ACC_PRONOUN": ("her", "him")}
_CATEGORY = "gender"
_MAJORITY = 50.0
_OCCUPATION = "0"
"""The answer that says that the pronoun means the one of the occupation."""

Key = tuple[str, str, str]
"""Occupation, the other one, and whom the pronoun means."""


def load_winogender(path: Path) -> Suite:
    """Return a pair for each sentence that has a woman's and a man's form; the neutral one is not compared.

    Where the pronoun means the one of the occupation and the labour statistics lie beside it, the stereotype is the
    majority's pronoun. Everywhere else no direction is known, and the pair is symmetric (the woman's form first).

    Source: Rudinger et al. (2018), "Gender bias in coreference resolution", sections 3 and 4.

    Args:
        path: the publisher's folder with ``all_sentences.tsv`` or ``templates.tsv``, or one of these files.

    Raises:
        DataError: neither file is there, or one is not of the publisher's form.
    """
    folder = path if path.is_dir() else path.parent
    file = path if path.is_file() else next((folder / n for n in (SENTENCES, TEMPLATES) if (folder / n).exists()), None)
    if file is None:
        raise DataError(f"has no {SENTENCES}", where=str(folder), cure="driftwatch bias fetch winogender")
    women = _shares(folder / STATISTICS) if (folder / STATISTICS).exists() else {}
    skips = Skips()
    forms = _from_templates(file, skips) if file.name == TEMPLATES else _from_sentences(file, skips)
    pairs = tuple(_pair(key, female, male, women.get(key[0])) for key, (female, male) in forms)
    if not pairs:
        raise DataError("has no pair that can be used", where=str(file), cure="driftwatch bias fetch winogender")
    return Suite(name="winogender", pairs=pairs, skipped=skips.told())


def _pair(key: Key, female: str, male: str, women: float | None) -> Pair:
    occupation, other, answer = key
    directed = answer == _OCCUPATION and women is not None and women != _MAJORITY
    mens = directed and women is not None and women < _MAJORITY
    return Pair(
        id=f"winogender-{occupation}-{other}-{answer}".replace(" ", "_"),
        category=_CATEGORY,
        template=f"winogender-{occupation}-{answer}".replace(" ", "_"),
        stereotype=male if mens else female,
        counter=female if mens else male,
        directed=directed,
    )


def _from_sentences(path: Path, skips: Skips) -> Iterator[tuple[Key, tuple[str, str]]]:
    forms: dict[Key, dict[str, tuple[str, str]]] = {}
    for where, row in csv_rows(path, ("sentid", "sentence"), delimiter="\t"):
        named = row["sentid"].removesuffix(".txt").split(".")
        if len(named) != 4:  # noqa: PLR2004 - occupation, other one, answer, gender
            cure = "it is like technician.customer.0.male.txt"
            raise DataError(f"{row['sentid']!r} is no sentence's name", where=where, cure=cure)
        occupation, other, answer, gender = named
        forms.setdefault((occupation, other, answer), {})[gender] = row["sentence"].strip(), where
    for key, of in forms.items():
        if "female" in of and "male" in of and of["female"][0] != of["male"][0]:
            yield key, (of["female"][0], of["male"][0])
        else:
            skips.add("no form for a woman and one for a man", next(iter(of.values()))[1], category=_CATEGORY)


def _from_templates(path: Path, skips: Skips) -> Iterator[tuple[Key, tuple[str, str]]]:
    for where, row in csv_rows(path, ("occupation(0)", "other-participant(1)", "answer", "sentence"), delimiter="\t"):
        occupation, sentence = (
            row["occupation(0)"],
            row["sentence"].strip().replace("$OCCUPATION", row["occupation(0)"]),
        )
        if not any(pronoun in sentence for pronoun in _PRONOUNS):
            skips.add("no pronoun to fill in", where, category=_CATEGORY)
            continue
        for other in (row["other-participant(1)"], "someone"):
            female, male = (_filled(sentence, other, side) for side in (0, 1))
            yield (occupation, other, row["answer"]), (female, male)


def _filled(sentence: str, other: str, side: int) -> str:
    if other == "someone":
        sentence = sentence.replace("The $PARTICIPANT", "Someone").replace("the $PARTICIPANT", "someone")
    for pronoun, forms in _PRONOUNS.items():
        sentence = sentence.replace(pronoun, forms[side])
    return sentence.replace("$PARTICIPANT", other)


def _shares(path: Path) -> Mapping[str, float]:
    """Return the share of women in each occupation, percent."""
    shares = {}
    for where, row in csv_rows(path, ("occupation", "bls_pct_female"), delimiter="\t"):
        try:
            shares[row["occupation"]] = float(row["bls_pct_female"])
        except ValueError:
            what = f"{row['bls_pct_female']!r} is no percentage"
            raise DataError(what, where=where, cure="driftwatch bias fetch winogender") from None
    return shares
