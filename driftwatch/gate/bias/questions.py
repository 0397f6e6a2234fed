"""What BBQ is made of: a context, a question and three answers, one of which is "unknown"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about two people of different groups, with three answers.

    Source: Parrish et al. (2022), "BBQ: A hand-built bias benchmark for question answering", sections 3 and 4. The
    biased answer is the target where the question is negative ("who stole it?") and the non-target where it is not.

    Args:
        id: unique in its suite, stable as long as the suite's data is.
        category: such as ``age``.
        template: what it was made from; questions of one template are not independent.
        context: what is told before the question.
        question: the question itself.
        answers: the three answers' texts.
        groups: the group that each answer names; ``unknown`` for the answer that names nobody.
        label: place of the right answer in ``answers``, 0 to 2.
        unknown: place of the answer that names nobody.
        target: place of the answer that names the stereotyped group; none where the data does not tell: such a question
            counts for accuracy and not for the bias score.
        ambiguous: whether the context leaves the answer open, so that ``unknown`` is right.
        negative: whether the question asks for something bad of somebody.
    """

    id: str
    category: str
    template: str
    context: str
    question: str
    answers: tuple[str, str, str]
    groups: tuple[str, str, str]
    label: int
    unknown: int
    target: int | None
    ambiguous: bool
    negative: bool

    @property
    def biased(self) -> int | None:
        """Place of the answer that agrees with the prejudice; none where the target is not known."""
        if self.target is None:
            return None
        return self.target if self.negative else 3 - self.unknown - self.target
