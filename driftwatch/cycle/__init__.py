"""One assessment step, from texts to decisions; ``step`` tells its story.

texts → features and drift (in the worker) → decisions (the policy) → one transaction.
"""

from driftwatch.cycle.analyst import Analyst
from driftwatch.cycle.spec import run_spec
from driftwatch.cycle.step import MOST_ATTEMPTS, Cycle, Progressed

__all__ = ["MOST_ATTEMPTS", "Analyst", "Cycle", "Progressed", "run_spec"]
