"""Builds everything from the configuration; the only place that knows all rooms."""

from driftwatch.wiring.access import Entrance, entrance
from driftwatch.wiring.advice import advice_by_history, advice_of
from driftwatch.wiring.agreement import agreement_of
from driftwatch.wiring.alarms import alarms, begin_of, mark_alarm
from driftwatch.wiring.analysis import (
    assessor,
    drill_texts,
    extractor,
    one_off,
    read_window,
    report,
    scorer,
    stream_settings,
)
from driftwatch.wiring.backups import BackupManifest, backup, restore
from driftwatch.wiring.base import (
    CLOCK,
    SystemClock,
    case_files,
    known_recipes,
    load_policy,
    log_to_stderr,
    make_state_dir,
    open_store,
    unmatched_policies,
)
from driftwatch.wiring.building import build_reference, reading_engine
from driftwatch.wiring.by_hand import retrain
from driftwatch.wiring.collecting import checks, identity
from driftwatch.wiring.explaining import explain_decision, explain_window, streams_with, unknown_rule, why_not
from driftwatch.wiring.exports import EXPORT_LONGEST, export, export_apart, export_due
from driftwatch.wiring.forgetting import ForgetReport, forget
from driftwatch.wiring.hosts import check_seen, control_socket, daemon_name, identity_of, not_seen
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
from driftwatch.wiring.sources import (
    Reader,
    feedback_intakes,
    http_intakes,
    open_source,
    otlp_intakes,
    pipeline_of,
    readers,
)
from driftwatch.wiring.tapping import BATCH as TAP_BATCH
from driftwatch.wiring.tapping import Tapped, tap, tap_settings

__all__ = [
    "CLOCK",
    "EXPORT_LONGEST",
    "REPORT_LONGEST",
    "TAP_BATCH",
    "BackupManifest",
    "Compared",
    "Entrance",
    "ForgetReport",
    "PolicyRecord",
    "Reader",
    "Replay",
    "SystemClock",
    "Tapped",
    "advice_by_history",
    "advice_of",
    "agreement_of",
    "alarms",
    "assessor",
    "backup",
    "begin_of",
    "begin_pause",
    "build_reference",
    "case_files",
    "check_seen",
    "checks",
    "conclude",
    "control_socket",
    "daemon_name",
    "drill_texts",
    "end_pause",
    "entrance",
    "explain_decision",
    "explain_window",
    "export",
    "export_apart",
    "export_due",
    "extractor",
    "feedback_intakes",
    "forget",
    "http_intakes",
    "identity",
    "identity_of",
    "incident",
    "known_recipes",
    "launcher",
    "load_policy",
    "log_to_stderr",
    "make_state_dir",
    "mark_alarm",
    "not_seen",
    "notifiers",
    "one_off",
    "open_source",
    "open_store",
    "otlp_intakes",
    "pipeline_of",
    "promote",
    "prune_models",
    "read_window",
    "readers",
    "reading_engine",
    "receivers",
    "reconcile",
    "replay",
    "report",
    "report_apart",
    "restore",
    "retrain",
    "rollback",
    "scorer",
    "stream_settings",
    "streams_with",
    "tap",
    "tap_settings",
    "tend_pauses",
    "unknown_rule",
    "unmatched_policies",
    "why_not",
]
