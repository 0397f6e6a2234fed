"""A report on bias: suites' results category by category, what changed most, and what all that means in words."""

from driftwatch.gate.bias.report.record import BiasReport, MovedPair, SuiteReport, Unjudged
from driftwatch.gate.bias.report.suites import suite_report

__all__ = ["BiasReport", "MovedPair", "SuiteReport", "Unjudged", "suite_report"]
