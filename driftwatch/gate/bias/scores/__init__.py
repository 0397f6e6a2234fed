"""What a model prefers: each pair's score, and its mean in every category."""

from driftwatch.gate.bias.scores.preference import Readable, measured, readable, score
from driftwatch.gate.bias.scores.summary import CategorySummary, estimate, sides, summarise

__all__ = [
    "CategorySummary",
    "Readable",
    "estimate",
    "measured",
    "readable",
    "score",
    "sides",
    "summarise",
]
