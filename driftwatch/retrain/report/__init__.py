"""A run's page: state by state what happened and why, with everything that was measured on the way."""

from driftwatch.retrain.report.page import PAGE, run_page, write_report
from driftwatch.retrain.report.trail import CARD_PAGE, Trail, TrainedStep, read_trail

__all__ = ["CARD_PAGE", "PAGE", "Trail", "TrainedStep", "read_trail", "run_page", "write_report"]
