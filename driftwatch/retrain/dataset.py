"""The door to what a run trains on."""

from __future__ import annotations

from driftwatch.retrain.collect.card import DataCard
from driftwatch.retrain.collect.collecting import collect
from driftwatch.retrain.collect.mix import Mix, load_mix

__all__ = ["DataCard", "Mix", "collect", "load_mix"]
