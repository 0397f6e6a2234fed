"""StereoSet: contexts with a stereotype, an anti-stereotype and a sentence without sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, parsed, read_text
from driftwatch.gate.bias.suite import Suite
from driftwatch.gate.bias.triples import Triple, TripleKind

if TYPE_CHECKING:
    from pathlib import Path

FILE = "dev.json"
CATEGORIES = {"race": "race_ethnicity"}
"""The publisher's names of categories where ours differ."""
_LABELS = ("stereotype", "anti-stereotype", "unrelated")


class _Sentence(msgspec.Struct):
    sentence: str
    gold_label: str


class _Entry(msgspec.Struct):
    id: str
    target: str
    bias_type: str
    context: str
    sentences: tuple[_Sentence, ...]


class _Kinds(msgspec.Struct):
    intrasentence: tuple[_Entry, ...] = ()
    intersentence: tuple[_Entry, ...] = ()


class _File(msgspec.Struct):
    data: _Kinds


def load_stereoset(path: Path) -> Suite:
    """Return the triples of the publisher's file, both kinds.

    Entries that do not have each label once, or no ``BLANK`` to fill, are left out and counted.

    Source: Nadeem, Bethke and Reddy (2021), "StereoSet: Measuring stereotypical bias in pretrained language models".

    Raises:
        DataError: the file is not of the publisher's form, or no triple is left.
    """
    value = parsed(read_text(path), str(path))
    try:
        data = msgspec.convert(value, _File).data
    except msgspec.ValidationError as error:
        what = f"is no file of StereoSet: {error}"
        raise DataError(what, where=str(path), cure="driftwatch bias fetch stereoset") from None
    entries: dict[TripleKind, tuple[_Entry, ...]] = {
        "intrasentence": data.intrasentence,
        "intersentence": data.intersentence,
    }
    triples, skips = [], Skips()
    for kind, of in entries.items():
        for number, entry in enumerate(of):
            found = _triple(kind, entry, skips, where=f"{path}:data.{kind}[{number}]")
            if found is not None:
                triples.append(found)
    if not triples:
        raise DataError("has no triple that can be used", where=str(path), cure="driftwatch bias fetch stereoset")
    emptied = skips.emptied(triple.category for triple in triples)
    return Suite(name="stereoset", triples=tuple(triples), skipped=skips.told(), emptied=emptied)


def _triple(kind: TripleKind, entry: _Entry, skips: Skips, *, where: str) -> Triple | None:
    category = CATEGORIES.get(entry.bias_type, entry.bias_type)
    said = {each.gold_label: each.sentence.strip() for each in entry.sentences}
    if sorted(each.gold_label for each in entry.sentences) != sorted(_LABELS) or not all(said.values()):
        skips.add("not one sentence of each label", where, category=category)
        return None
    if kind == "intrasentence" and "BLANK" not in entry.context:
        skips.add("no BLANK to fill", where, category=category)
        return None
    return Triple(
        id=f"stereoset-{entry.id}",
        category=category,
        kind=kind,
        target=entry.target,
        context=entry.context,
        stereotype=said["stereotype"],
        anti_stereotype=said["anti-stereotype"],
        unrelated=said["unrelated"],
    )
