"""Cases that policies are tested by: series of windows, and what must be decided on them."""

from driftwatch.policy.cases.reading import Cases, read_cases
from driftwatch.policy.cases.running import Failure, Tried, try_cases

SUFFIXES = (".test.yaml", ".test.yml")
"""How the names of files of cases end; they are no policies, though they lie beside them."""

__all__ = ["SUFFIXES", "Cases", "Failure", "Tried", "read_cases", "try_cases"]
