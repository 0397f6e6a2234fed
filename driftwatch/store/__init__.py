"""Everything durable: texts, windows, decisions, runs, alerts, champions and references."""

from driftwatch.store.basis import Basis
from driftwatch.store.decisions import StoredDecision
from driftwatch.store.history import Past
from driftwatch.store.hosts import HostBook
from driftwatch.store.leading import Hosts, Lead
from driftwatch.store.opening import HEAD, Store, open_store
from driftwatch.store.registry import Champion, ReferenceRow
from driftwatch.store.runs import RunLine
from driftwatch.store.step import Step, Watched
from driftwatch.store.texts import Taken
from driftwatch.store.windows import Position

__all__ = [
    "HEAD",
    "Basis",
    "Champion",
    "HostBook",
    "Hosts",
    "Lead",
    "Past",
    "Position",
    "ReferenceRow",
    "RunLine",
    "Step",
    "Store",
    "StoredDecision",
    "Taken",
    "Watched",
    "open_store",
]
