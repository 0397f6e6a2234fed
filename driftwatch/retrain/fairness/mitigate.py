"""What is done about groups that the new texts speak ill of more than the reference, where the recipe says so.

``weight`` leaves out carriers of the shift, the texts with a lexicon's word near the group's name, each with the same
chance, chosen so that the association of what stays is what it was. ``balance`` leaves every text and adds the carriers
once more about the group's counterpart. Both decide by a hash of the text and the seed: a run done again decides alike.

Source: Kamiran and Calders 2012, Data preprocessing techniques for classification without discrimination (sampling).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.retrain.collect.hashing import hashed
from driftwatch.retrain.fairness.counterfactual import swap_for
from driftwatch.retrain.fairness.lexicon import lexicons
from driftwatch.retrain.fairness.mentions import Finder, Group
from driftwatch.retrain.fairness.result import Mitigated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from driftwatch.domain.run import Mitigation as Method
    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.counterfactual import Swap
    from driftwatch.retrain.fairness.result import DataCheck

_WHOLE = 2**64
_COPY = "~not-"
"""Between the id of a text and the group that its copy is not about."""


@dataclass(slots=True)
class _Shifted:
    """A group and a lexicon whose association rose, what is done, and what was done so far."""

    group: int
    lexicon: int
    swap: Swap | None
    told: Mitigated


class Mitigation:
    """Goes through the training texts of a run.

    Args:
        found: the data check of the run's texts.
        groups: as the check was made with: category, group, its names.
        method: what the recipe wants.
        seed: of the choice of texts.
    """

    def __init__(
        self,
        found: DataCheck,
        groups: Mapping[str, Mapping[str, Sequence[str]]],
        method: Method,
        *,
        seed: int,
    ) -> None:
        self._finder = Finder(groups, tuple(lexicons().values()))
        self._method = method
        self._seed = seed
        self._shifted = list(self._rose(found, groups)) if method != "none" else []

    def _rose(self, found: DataCheck, groups: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[_Shifted]:
        names = {group: terms for each in groups.values() for group, terms in each.items()}
        places, order = {group: place for place, group in enumerate(self._finder.groups)}, list(lexicons())
        for each in found.groups:
            for rise in each.rose:
                assert self._method != "none"  # noqa: S101 - asked for before
                told = Mitigated(
                    category=each.category,
                    group=each.group,
                    lexicon=rise.lexicon,
                    method=self._method,
                    carriers=0,
                    keep=rise.keep if self._method == "weight" else 1.0,
                )
                yield _Shifted(
                    group=places[Group(category=each.category, name=each.group)],
                    lexicon=order.index(rise.lexicon),
                    swap=swap_for(each.group, names) if self._method == "balance" else None,
                    told=told,
                )

    @property
    def told(self) -> tuple[Mitigated, ...]:
        """What was done so far, for the card."""
        return tuple(each.told for each in self._shifted)

    def left_out(self, texts: Iterable[Text]) -> list[int]:
        """Return the places, among the training texts, of those that are left out."""
        if self._method != "weight" or not self._shifted:
            return []
        return [place for place, text in enumerate(texts) if self._falls(text)]

    def _falls(self, text: Text) -> bool:
        carried, drawn = self._carried(text), hashed(f"{self._seed} weight {text.id}\n{text.body}") / _WHOLE
        falls = any(drawn >= each.told.keep for each in carried)
        for each in carried:
            each.told = replace(each.told, carriers=each.told.carriers + 1, removed=each.told.removed + falls)
        return falls

    def copies(self, texts: Iterable[Text]) -> Iterator[Text]:
        """Give the counterfactual copies of training texts: of a text, one for each group that is spoken ill of."""
        if self._method == "balance" and self._shifted:
            for text in texts:
                yield from self._copied(text)

    def _copied(self, text: Text) -> Iterator[Text]:
        done: set[int] = set()
        for each in self._carried(text):
            copy = _copy(text, each.swap, self._finder.groups[each.group].name)
            fresh = copy is not None and each.group not in done
            each.told = replace(
                each.told,
                carriers=each.told.carriers + 1,
                added=each.told.added + fresh,
                unpaired=each.told.unpaired + (copy is None),
            )
            if copy is not None and fresh:
                done.add(each.group)
                yield copy

    def _carried(self, text: Text) -> list[_Shifted]:
        near = {each.group: each.hits for each in self._finder.read(text.body).near}
        return [each for each in self._shifted if each.group in near and near[each.group][each.lexicon]]


def _copy(text: Text, swap: Swap | None, group: str) -> Text | None:
    """Return the text about the counterpart, its turns too; None where that cannot be said."""
    body = swap.copy(text.body) if swap is not None else None
    if swap is None or body is None:
        return None
    turns = []
    for turn in text.turns:
        content = swap.copy(turn.content) if swap.mentions(turn.content) else turn.content
        if content is None:
            return None
        turns.append(replace(turn, content=content))
    return replace(text, id=f"{text.id}{_COPY}{group}", body=body, turns=tuple(turns))


def original_id(copy: Text) -> str:
    """Return the id of the text that a counterfactual copy was made of.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from driftwatch.domain.text import Text
        >>> original_id(Text(id="t7~not-women", body="the men", seen_at=datetime(2026, 1, 1, tzinfo=UTC)))
        't7'
    """
    return copy.id.rpartition(_COPY)[0]
