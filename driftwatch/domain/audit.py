"""Who did what, and when: kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody or something did to the daemon, or was refused.

    Args:
        at: when.
        who: the person (``alice`` of the operating system or of the web face), or what of driftwatch itself acted
            (``start``, ``file watcher``, ``signal SIGHUP``).
        what: in small letters and hyphens: ``policy-loaded``, ``reload-refused``, ``paused``, ``retrain-asked``,
            ``run-approved`` …
        subject: what it was done to: a stream, ``stream/rule``, a run, or ``policy``.
        detail: the rest, by name, such as ``because``, ``error``, ``old``, ``new`` and ``diff``.
    """

    at: datetime
    who: str
    what: str
    subject: str
    detail: Mapping[str, str] = field(default_factory=dict)


POLICY_LOADED, RELOAD_REFUSED, POLICY_MENDED = "policy-loaded", "reload-refused", "policy-mended"
POLICY_WORDS = (POLICY_LOADED, RELOAD_REFUSED, POLICY_MENDED)
"""What is said of policies: others are in force, the old ones stay on a mistake, the mistake is gone again."""

RUN_CANCEL_ASKED = "run-cancel-asked"
"""A person asked for a run's end; the daemon ends it."""

HOSTS_AGREED = "hosts-agreed"
"""A daemon leads whose configuration is another than that of the one before."""
