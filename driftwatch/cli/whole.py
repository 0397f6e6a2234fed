"""The whole command line."""

from __future__ import annotations

from driftwatch.cli import (
    alarms,
    alerting,
    auditing,
    backups,
    bias,
    bias_data,
    checking,
    doctor,
    drifting,
    explaining,
    pausing,
    policies,
    policy_history,
    references,
    replaying,
    reporting,
    retraining,
    running,
    runs,
    service,
    setup,
    status,
    tapping,
    texts,
    trying,
)
from driftwatch.cli.root import root

app = root()

GROUPLESS = (
    setup,
    checking,
    doctor,
    running,
    tapping,
    retraining,
    pausing,
    drifting,
    reporting,
    status,
    auditing,
    backups,
    service,
)
for group in GROUPLESS:
    group.add_to(app)
GROUPS = (
    ("texts", texts),
    ("reference", references),
    ("alarm", alarms),
    ("alert", alerting),
    ("policy", policies),
    ("runs", runs),
    ("bias", bias),
)
for name, group in GROUPS:
    app.add_typer(group.app, name=name)
bias_data.add_to(bias.app)
trying.add_to(policies.app)
policy_history.add_to(policies.app)
replaying.add_to(policies.app)
explaining.add_to(policies.app)
