"""What the stack says of itself: where to look, and what it means when something happens."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx

from driftwatch.demo.stack.addresses import SHIPPED, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.demo.stack.addresses import Addresses
    from driftwatch.demo.stack.files import Files

_GRAFANA = "/usr/sbin/grafana server --homepath=/usr/share/grafana"
"""As the package of Grafana 11 and newer puts it."""

_GRAPHED = ("driftwatch_drift_evidence", 'driftwatch_drift_measure{measure="loss.increase"}')


EXPECTED = (
    "driftwatch's evidence passes 0, mostly within a window: alarm, on the status page with what changed",
    "Prometheus: DriftwatchDriftAlarm fires at the next evaluation; driftwatch sends DriftDetected by itself",
    "Alertmanager waits half a minute and tells people of both at once",
    "after three windows in which the model suffers the policy asks for a run: RetrainStarted, told once",
    "the run is probed, trained, judged and promoted (a minute or two), watched for three windows, kept",
    "the reference follows: the alarm ends, and five minutes later DriftwatchDriftAlarm does too",
)

CLOSED = (
    "The loop is closed. Text goes on coming in, and Prometheus' alert will end by itself; Ctrl-C stops everything."
)


def places(ports: Addresses, files: Files, *, alerts: str) -> Iterator[tuple[str, str, str]]:
    """Return where everything answers: name, address, and what is to be seen there.

    Args:
        ports: of the parts.
        files: of the stack.
        alerts: address of Prometheus' page of alerts.
    """
    pages, alertmanager = url(ports.daemon), url(ports.alertmanager)
    yield "status page", f"{pages}/", "the stream, its windows and runs; a window's number leads to what changed in it"
    yield "metrics", f"{pages}/metrics", "what Prometheus scrapes"
    yield "Prometheus", alerts, "the shipped alert rules as they stand"
    by_command = f"amtool alert query --alertmanager.url={alertmanager}"
    yield "Alertmanager", f"{alertmanager}/", f"what fires; Debian's has no pages, there ask {by_command}"
    yield "files", str(files.folder), "the shipped files as they run here, and logs"
    yield "boards", "http://127.0.0.1:3000/dashboards", f"once Grafana is started beside it: {grafana(files)}"
    yield "graphs", graph(ports), "evidence of drift (an alarm from 0 on), and the model's loss over its baseline"


def page_of_alerts(prometheus: str) -> str:
    """Return the address of a running Prometheus' page of alerts; Debian's has the older pages, elsewhere."""
    usual, older = f"{prometheus}/alerts", f"{prometheus}/classic/alerts"
    return usual if httpx.get(usual, timeout=10, trust_env=False).is_success else older


def graph(ports: Addresses) -> str:
    """Return the address of Prometheus' page with what shows the drift best."""
    asked: dict[str, str] = {}
    for number, expression in enumerate(_GRAPHED):
        asked |= {f"g{number}.expr": expression, f"g{number}.tab": "0", f"g{number}.range_input": "15m"}
    return f"{url(ports.prometheus)}/graph?{urlencode(asked)}"


def moved(ports: Addresses) -> Iterator[str]:
    """Return what listens elsewhere than the shipped files say."""
    usual = (("the daemon", "daemon"), ("Prometheus", "prometheus"), ("Alertmanager", "alertmanager"))
    for who, name in usual:
        if (port := getattr(ports, name)) != (wanted := getattr(SHIPPED, name)):
            yield f"port {wanted} is taken (by a service of the same kind?), so {who} listens on {port}"


def grafana(files: Files) -> str:
    """Return the command with which a Grafana on this machine shows the boards."""
    settings = {
        "GF_PATHS_PROVISIONING": files.provisioning,
        "GF_PATHS_DATA": files.folder / "grafana",
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
    }
    named = (f"{name}={shlex.quote(str(value))}" for name, value in settings.items())
    return f"{' '.join(named)} {_GRAFANA}"
