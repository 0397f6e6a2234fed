"""Builds everything from the configuration; the only place that knows all rooms."""

from driftwatch.wiring.alarms import alarms, begin_of, mark_alarm
from driftwatch.wiring.analysis import (
    assessor,
    build_reference,
    drill_texts,
    extractor,
    one_off,
    report,
    stream_settings,
)
from driftwatch.wiring.base import CLOCK, SystemClock, known_recipes, load_policy, log_to_stderr, open_store
from driftwatch.wiring.incidents import incident
from driftwatch.wiring.outgoing import launcher, notifiers, receivers
from driftwatch.wiring.promotion import promote, reconcile, rollback
from driftwatch.wiring.sources import Reader, http_intakes, readers

__all__ = [
    "CLOCK",
    "Reader",
    "SystemClock",
    "alarms",
    "assessor",
    "begin_of",
    "build_reference",
    "drill_texts",
    "extractor",
    "http_intakes",
    "incident",
    "known_recipes",
    "launcher",
    "load_policy",
    "log_to_stderr",
    "mark_alarm",
    "notifiers",
    "one_off",
    "open_store",
    "promote",
    "readers",
    "receivers",
    "reconcile",
    "report",
    "rollback",
    "stream_settings",
]
