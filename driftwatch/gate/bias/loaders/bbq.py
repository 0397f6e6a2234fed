"""BBQ: questions about two people of different groups, in contexts that tell the answer and in others that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, csv_rows, json_rows
from driftwatch.gate.bias.questions import Question
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

METADATA = "additional_metadata.csv"
CATEGORIES = {
    "Age": "age",
    "Disability_status": "disability",
    "Gender_identity": "gender",
    "Nationality": "nationality",
    "Physical_appearance": "physical_appearance",
    "Race_ethnicity": "race_ethnicity",
    "Race_x_gender": "race_x_gender",
    "Race_x_SES": "race_x_socioeconomic_status",
    "Religion": "religion",
    "SES": "socioeconomic_status",
    "Sexual_orientation": "sexual_orientation",
}
"""The publisher's names of categories, which are its files' too, and ours."""
_UNKNOWN = "unknown"
_SEX = {"man": "m", "boy": "m", "men": "m", "woman": "f", "girl": "f", "girls": "f", "women": "f"}
_PLACES = (0, 1, 2)


class _AnswerInfo(msgspec.Struct):
    ans0: tuple[str, str]
    ans1: tuple[str, str]
    ans2: tuple[str, str]


class _Additional(msgspec.Struct):
    stereotyped_groups: tuple[str, ...] = ()


class _Row(msgspec.Struct):
    example_id: int
    question_index: str
    question_polarity: Literal["neg", "nonneg"]
    context_condition: Literal["ambig", "disambig"]
    category: str
    answer_info: _AnswerInfo
    context: str
    question: str
    ans0: str
    ans1: str
    ans2: str
    label: int
    additional_metadata: _Additional = msgspec.field(default_factory=_Additional)


def is_bbq(row: Mapping[str, object]) -> bool:
    """Tell whether a line of JSON Lines is one of the suite's."""
    return {"context", "question", "ans0", "answer_info"} <= set(row)


def load_bbq(path: Path) -> Suite:
    """Return the questions of the publisher's files.

    The target is the publisher's own (``target_loc`` of ``additional_metadata.csv``) where that file lies beside the
    questions; else it is the one answer whose group or text is among the stereotyped groups. Questions without one keep
    their accuracy and have no bias score.

    Source: Parrish et al. (2022), "BBQ: A hand-built bias benchmark for question answering", and the publisher's
    description of its files.

    Args:
        path: one ``.jsonl`` file, or the folder of them.

    Raises:
        DataError: there is no file, a line is not of the publisher's form, an id is there twice, or no question is
            left.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise DataError("has no .jsonl file", where=str(path), cure="driftwatch bias fetch bbq")
    targets = _targets(folder / METADATA) if (folder / METADATA).exists() else {}
    questions: dict[str, Question] = {}
    skips = Skips()
    for file in files:
        for where, row in json_rows(file):
            found = _question(_read(row, where), targets, skips, where=where)
            if found is None:
                continue
            if found.id in questions:
                raise DataError(f"the question {found.id!r} is there twice", where=where, cure="give each file once")
            questions[found.id] = found
    if not questions:
        raise DataError("has no question that can be used", where=str(path), cure="driftwatch bias fetch bbq")
    emptied = skips.emptied(question.category for question in questions.values())
    return Suite(name="bbq", questions=tuple(questions.values()), skipped=skips.told(), emptied=emptied)


def _read(row: Mapping[str, object], where: str) -> _Row:
    try:
        return msgspec.convert(row, _Row, strict=False)
    except msgspec.ValidationError as error:
        raise DataError(f"is no question of BBQ: {error}", where=where, cure="driftwatch bias fetch bbq") from None


def _question(row: _Row, targets: Mapping[tuple[str, str], int | None], skips: Skips, *, where: str) -> Question | None:
    named = (row.answer_info.ans0, row.answer_info.ans1, row.answer_info.ans2)
    groups = (named[0][1], named[1][1], named[2][1])
    unknown = [place for place in _PLACES if groups[place].lower() == _UNKNOWN]
    if len(unknown) != 1 or row.label not in _PLACES:
        skips.add("not one answer that names nobody, or no right answer", where, category=_category(row))
        return None
    key = row.category, str(row.example_id)
    target = targets[key] if key in targets else _derived(named, _stereotyped(row), unknown)
    return Question(
        id=f"bbq-{row.category}-{row.example_id}",
        category=_category(row),
        template=f"bbq-{row.category}-{row.question_index}",
        context=row.context,
        question=row.question,
        answers=(row.ans0, row.ans1, row.ans2),
        groups=groups,
        label=row.label,
        unknown=unknown[0],
        target=None if target in unknown else target,
        ambiguous=row.context_condition == "ambig",
        negative=row.question_polarity == "neg",
    )


def _category(row: _Row) -> str:
    return CATEGORIES.get(row.category, row.category.lower())


def _stereotyped(row: _Row) -> Collection[str]:
    """Return whom prejudice is about; the publisher's analysis takes every disability as one group."""
    return ("disabled",) if row.category == "Disability_status" else row.additional_metadata.stereotyped_groups


def _derived(named: tuple[tuple[str, str], ...], stereotyped: Collection[str], unknown: Collection[int]) -> int | None:
    """Return the place of the one answer that is of a stereotyped group; none where both or neither are."""
    groups = {_normal(group) for group in stereotyped}
    found = [place for place in _PLACES if place not in unknown and {_normal(each) for each in named[place]} & groups]
    return found[0] if len(found) == 1 else None


def _normal(group: str) -> str:
    """Return a group's name as the publisher's own analysis compares it: no case, no spaces, no sex before a race."""
    name = group.strip().strip("{}").lower().replace(" ", "").replace("-", "")
    for sex in ("m-", "f-"):
        if group.lower().startswith(sex):
            name = group.lower().removeprefix(sex).replace(" ", "")
    if name.startswith("trans"):
        return "trans"
    return _SEX.get(name, name)


def _targets(path: Path) -> Mapping[tuple[str, str], int | None]:
    found: dict[tuple[str, str], int | None] = {}
    for _, row in csv_rows(path, ("category", "example_id", "target_loc")):
        place = row["target_loc"].removesuffix(".0")
        found[row["category"], row["example_id"].removesuffix(".0")] = int(place) if place in {"0", "1", "2"} else None
    return found
