"""Chooses a reference's texts from training data of any size, on this host or on a cluster, with the same result."""

from driftwatch.gathering.engine import Engine, LocalEngine
from driftwatch.gathering.gather import Gathered, Search, gather

__all__ = ["Engine", "Gathered", "LocalEngine", "Search", "gather"]
