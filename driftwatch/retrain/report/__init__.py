"""A run's page: state by state what happened and why, with everything that was measured on the way."""

from driftwatch.retrain.report.page import PAGE, run_page, write_report
from driftwatch.retrain.report.trail import BIAS_PAGE, CARD_PAGE, Trail, TrainedStep, read_trail

__all__ = ["BIAS_PAGE", "CARD_PAGE", "PAGE", "Trail", "TrainedStep", "read_trail", "run_page", "write_report"]
