"""Merge: weights between champion and candidate, chosen as the best gain that still forgets little enough.

Between two models of one lineage the loss is smooth: part of the way keeps most of what was gained and loses little of
what was known. Source: Wortsman et al., Robust fine-tuning of zero-shot models (2022), arXiv 2109.01903 (WiSE-FT).
"""

from driftwatch.retrain.merge.curve import MergeCurve, MergePoint, load_curve, save_curve
from driftwatch.retrain.merge.search import lower, search
from driftwatch.retrain.merge.weights import interpolate

__all__ = ["MergeCurve", "MergePoint", "interpolate", "load_curve", "lower", "save_curve", "search"]
