"""The daemon: intake, assessment, decisions, alerts and its web face in one light process."""

from driftwatch.daemon.app import run

__all__ = ["run"]
