"""What a model must be able to say for what it is asked, found out before anything is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.errors import ModelError
from driftwatch.domain.protocols import BlankModel, Classifier, LanguageModel

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Model
    from driftwatch.gate.bias.suite import Suite


def that_writes(model: Model) -> LanguageModel:
    """Return the model as one that writes.

    Raises:
        ModelError: it does not.
    """
    if not isinstance(model, LanguageModel):
        raise ModelError("only a causal language model writes", cure="leave --write out")
    return model


def that_answers(model: Model) -> LanguageModel:
    """Return the model as one that answers questions.

    Raises:
        ModelError: it does not.
    """
    if not isinstance(model, LanguageModel):
        raise ModelError("questions are answered by causal language models only", cure="give one, or another suite")
    return model


def that_reads(model: Model) -> LanguageModel | BlankModel:
    """Return the model as one that says how likely words are.

    Raises:
        ModelError: it does not.
    """
    if not isinstance(model, LanguageModel | BlankModel):
        raise ModelError("a classifier does not say how likely sentences are", cure="give a language model")
    return model


def that_classifies(model: Model) -> Classifier:
    """Return the model as one that puts texts into classes.

    Raises:
        ModelError: it does not.
    """
    if not isinstance(model, Classifier):
        raise ModelError("only a classifier puts texts into classes", cure="give a sequence classifier")
    return model


def check_head(model: Model, suite: Suite) -> None:
    """Find out whether a model can be asked all that a suite holds; pairs can be asked of every family.

    Raises:
        ModelError: it has not the head for it.
    """
    if suite.triples:
        that_reads(model)
    if suite.questions:
        that_answers(model)


def check_alike(model: Model, against: Model) -> None:
    """Find out whether two models' scores of pairs are in one unit.

    Raises:
        ModelError: one is a classifier, and the other a language model.
    """
    if isinstance(model, Classifier) is not isinstance(against, Classifier):
        raise ModelError(
            "a classifier's scores and a language model's cannot be compared", cure="give --against a model of its kind"
        )
