"""Classifiers on labelled texts of several groups: does the class depend on the group?

Source: fairlearn's ``demographic_parity_difference`` and ``equalized_odds_difference`` (Bird et al. 2020; Hardt, Price
and Srebro 2016), for each class against all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import DataError, ModelError
from driftwatch.gate.bias.scores.heads import that_classifies
from driftwatch.gate.bias.suite import Skipped
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.protocols import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """A text of a known class, of or about a group.

    Args:
        body: the text.
        group: whose.
        label: its right class, as the model names it.
        place: where it stands, as ``file:line``.
    """

    body: str
    group: str
    label: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """How a classifier treats one group.

    Args:
        group: its name.
        texts: number of its texts.
        accuracy: share that is given the right class.
    """

    group: str
    texts: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFairness:
    """How far groups differ in being given one class.

    Args:
        name: of the class.
        parity: demographic parity difference: greatest difference between groups of the share given the class.
        odds: equalised odds difference: greatest difference between groups of the true or the false positive rate;
            None where a group has no text of the class or only such texts.
    """

    name: str
    parity: float
    odds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """A classifier's fairness on labelled texts."""

    groups: tuple[GroupRates, ...]
    classes: tuple[ClassFairness, ...]


def readable_texts(
    texts: Sequence[LabelledText], *models: Model
) -> tuple[tuple[LabelledText, ...], tuple[Skipped, ...]]:
    """Set apart the texts that a model cannot read as they are written: of emoji, say, or longer than its context.

    Args:
        texts: labelled.
        models: that are compared; a text is left out of all where one cannot read it.

    Returns:
        The texts that are left, and the others by reason.
    """
    said = [model.unreadable([text.body for text in texts]) for model in models]
    reasons = [next((why for why in each if why is not None), None) for each in zip(*said, strict=True)]
    kept = tuple(text for text, why in zip(texts, reasons, strict=True) if why is None)
    return kept, tuple(
        Skipped(reason=why.value, count=reasons.count(why), first=texts[reasons.index(why)].place)
        for why in dict.fromkeys(why for why in reasons if why is not None)
    )


def fairness(model: Model, texts: Sequence[LabelledText]) -> Fairness:
    """Return how far classes and mistakes depend on the group; fairlearn does the counting.

    Raises:
        CannotJudgeError: fewer than two groups, or a text that cannot be read as it is written.
        DataError: a label is no class of the model.
        ModelError: the model is no classifier, or fairlearn is not installed.
    """
    classifier = that_classifies(model)
    if len({text.group for text in texts}) < 2:  # noqa: PLR2004 - a difference takes two
        raise CannotJudgeError("the labelled texts are of one group, so nothing can be compared")
    unread = [text.body for text, why in zip(texts, model.unreadable([t.body for t in texts]), strict=True) if why]
    if unread:
        raise CannotJudgeError(
            f"{len(unread)} labelled texts cannot be read as they are written, such as {unread[0]!r}"
        )
    shares = classifier.class_shares([text.body for text in texts])
    strange = sorted({text.label for text in texts} - set(shares.names))
    if strange:
        raise DataError(
            f"{', '.join(strange)} is no class of the model", cure=f"its classes: {', '.join(shares.names)}"
        )
    given = np.array(shares.names)[shares.values.argmax(axis=1)]
    wanted, groups = (np.array([getattr(text, name) for text in texts]) for name in ("label", "group"))
    return Fairness(
        groups=tuple(
            GroupRates(
                group=str(group),
                texts=int((groups == group).sum()),
                accuracy=float((given == wanted)[groups == group].mean()),
            )
            for group in np.unique(groups)
        ),
        classes=tuple(_of_class(name, given == name, wanted == name, groups) for name in shares.names),
    )


def _of_class(name: str, given: _Flags, wanted: _Flags, groups: _Names) -> ClassFairness:
    try:
        from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
    except ImportError:
        raise ModelError("fairlearn is not installed", cure="pip install 'driftwatchd[bias]'") from None
    whole = all(0 < int(wanted[groups == group].sum()) < int((groups == group).sum()) for group in np.unique(groups))
    return ClassFairness(
        name=name,
        parity=float(demographic_parity_difference(wanted, given, sensitive_features=groups)),
        odds=float(equalized_odds_difference(wanted, given, sensitive_features=groups)) if whole else None,
    )


if TYPE_CHECKING:
    import numpy.typing as npt

    _Flags = npt.NDArray[np.bool_]
    _Names = npt.NDArray[np.str_]
