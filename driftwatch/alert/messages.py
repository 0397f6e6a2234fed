"""What people are told: what happened, how much against which limit, since when, what happens by itself, what to do."""

from __future__ import annotations

from driftwatch.alert.daemon_messages import daemon_degraded, degraded_keys, degraded_name, trial
from driftwatch.alert.drift_messages import drift_detected, drift_key, retrain_started, worker_quarantine
from driftwatch.alert.pause_messages import pause_ending, pause_key, pause_over, paused
from driftwatch.alert.report_messages import report_asked, report_failed
from driftwatch.alert.run_messages import (
    approval_key,
    approval_wanted,
    for_transition,
    run_failed,
    run_promoted,
    run_rejected,
    run_rolled_back,
)

__all__ = [
    "approval_key",
    "approval_wanted",
    "daemon_degraded",
    "degraded_keys",
    "degraded_name",
    "drift_detected",
    "drift_key",
    "for_transition",
    "pause_ending",
    "pause_key",
    "pause_over",
    "paused",
    "report_asked",
    "report_failed",
    "retrain_started",
    "run_failed",
    "run_promoted",
    "run_rejected",
    "run_rolled_back",
    "trial",
    "worker_quarantine",
]
