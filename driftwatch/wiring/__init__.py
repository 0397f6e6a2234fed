"""Builds everything from the configuration; the only place that knows all rooms."""

from driftwatch.wiring.access import Entrance, entrance
from driftwatch.wiring.alarms import alarms, begin_of, mark_alarm
from driftwatch.wiring.analysis import (
    assessor,
    build_reference,
    drill_texts,
    extractor,
    one_off,
    report,
    scorer,
    stream_settings,
)
from driftwatch.wiring.base import CLOCK, SystemClock, known_recipes, load_policy, log_to_stderr, open_store
from driftwatch.wiring.by_hand import retrain
from driftwatch.wiring.collecting import checks, identity
from driftwatch.wiring.exports import EXPORT_LONGEST, export, export_apart, export_due
from driftwatch.wiring.incidents import incident
from driftwatch.wiring.outgoing import launcher, notifiers, receivers
from driftwatch.wiring.pauses import begin_pause, end_pause, tend_pauses
from driftwatch.wiring.policy_record import PolicyRecord
from driftwatch.wiring.probations import conclude
from driftwatch.wiring.promotion import promote
from driftwatch.wiring.replays import Compared, Replay, replay
from driftwatch.wiring.reports import REPORT_LONGEST, report_apart
from driftwatch.wiring.retention import prune_models
from driftwatch.wiring.rollbacks import rollback
from driftwatch.wiring.serving import reconcile
from driftwatch.wiring.sources import Reader, feedback_intakes, http_intakes, readers

__all__ = [
    "CLOCK",
    "EXPORT_LONGEST",
    "REPORT_LONGEST",
    "Compared",
    "Entrance",
    "PolicyRecord",
    "Reader",
    "Replay",
    "SystemClock",
    "alarms",
    "assessor",
    "begin_of",
    "begin_pause",
    "build_reference",
    "checks",
    "conclude",
    "drill_texts",
    "end_pause",
    "entrance",
    "export",
    "export_apart",
    "export_due",
    "extractor",
    "feedback_intakes",
    "http_intakes",
    "identity",
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
    "prune_models",
    "readers",
    "receivers",
    "reconcile",
    "replay",
    "report",
    "report_apart",
    "retrain",
    "rollback",
    "scorer",
    "stream_settings",
    "tend_pauses",
]
