"""What a window of a stream with a champion and an audit is measured by, as benchmarks make windows up."""

from __future__ import annotations

NAMES = (
    "drift.alarm",
    "drift.evidence",
    "drift.look_p",
    "drift.new_share",
    "embedding.mmd2",
    "embedding.mmd_p",
    "embedding.auc",
    "tokens.psi",
    "tokens.hellinger",
    "tokens.jsd",
    "tokens.unknown_share",
    "text.length",
    "loss.nats",
    "loss.increase",
    "loss.perplexity_ratio",
    "loss.where_new",
    "audit.texts",
    "audit.alarms",
    "audit.arl_texts",
    "window.known_share",
)
