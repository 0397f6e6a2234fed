"""Who starts the jobs: this process, the service manager, or a cluster. One contract for all."""

from driftwatch.retrain.launchers.child import JOB, ChildLauncher
from driftwatch.retrain.launchers.ray import RayLauncher
from driftwatch.retrain.launchers.settings import RaySettings, RetrainSettings
from driftwatch.retrain.launchers.systemd import SystemdLauncher
from driftwatch.retrain.locks import hold_lock

__all__ = [
    "JOB",
    "ChildLauncher",
    "RayLauncher",
    "RaySettings",
    "RetrainSettings",
    "SystemdLauncher",
    "hold_lock",
]
