"""One retraining run in its own process; ``work`` tells its story."""

from driftwatch.job.process import main
from driftwatch.job.work import Job

__all__ = ["Job", "main"]
