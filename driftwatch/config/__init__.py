"""``driftwatch.toml``: one section per stream, each room's own settings in it."""

from driftwatch.config.load import load_config
from driftwatch.config.said import settings, settings_digest
from driftwatch.config.settings import Config, DaemonSettings, ReferenceSettings, RetentionSettings, StreamSettings

__all__ = [
    "Config",
    "DaemonSettings",
    "ReferenceSettings",
    "RetentionSettings",
    "StreamSettings",
    "load_config",
    "settings",
    "settings_digest",
]
