"""Cases that policies are tested by: series of windows, and what must be decided on them."""

from driftwatch.policy.cases.reading import Cases, read_cases
from driftwatch.policy.cases.running import Failure, Tried, try_cases
from driftwatch.policy.source import SUFFIXES_OF_CASES as SUFFIXES

__all__ = ["SUFFIXES", "Cases", "Failure", "Tried", "read_cases", "try_cases"]
