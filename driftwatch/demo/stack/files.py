"""The shipped files of Prometheus, Alertmanager and Grafana, put into the stack's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.demo.stack.addresses import Addresses

RULES = "driftwatch.rules.yml"
PROMETHEUS = "prometheus.yml"
ALERTMANAGER = "alertmanager.yml"
_INTERVAL = "15s"
_DATASOURCES = ("datasources", "driftwatch.yaml")
_BOARDS = ("dashboards", "driftwatch.yaml")
_BOARDS_PATH = "/var/lib/grafana/dashboards/driftwatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the copies are."""

    folder: Path

    @property
    def prometheus(self) -> Path:
        """Configuration of Prometheus; its rules lie beside it."""
        return self.folder / PROMETHEUS

    @property
    def alertmanager(self) -> Path:
        """Configuration of Alertmanager."""
        return self.folder / ALERTMANAGER

    @property
    def provisioning(self) -> Path:
        """Folder of what Grafana reads when it starts."""
        return self.folder / "provisioning"


def put(shipped: Path, folder: Path, addresses: Addresses, *, interval: str | None = None) -> Files:
    """Copy the shipped files; nothing in them changes but ports, the boards' folder and, if asked for, the interval.

    Args:
        shipped: folder ``grafana`` as it comes.
        folder: of the copies.
        addresses: the ports in use.
        interval: between two scrapes and evaluations, in Prometheus' words; None for the shipped one.
    """
    files = Files(folder=folder)
    folder.mkdir(parents=True)
    rules, scraped, routes = (shipped / "prometheus" / name for name in (RULES, PROMETHEUS, ALERTMANAGER))
    (folder / RULES).write_bytes(rules.read_bytes())
    asked = addresses.put_into(scraped.read_text(encoding="utf-8"))
    files.prometheus.write_text(asked.replace(f"_interval: {_INTERVAL}", f"_interval: {interval or _INTERVAL}"))
    files.alertmanager.write_text(addresses.put_into(routes.read_text(encoding="utf-8")))
    for kind, name in (_DATASOURCES, _BOARDS):
        written = addresses.put_into((shipped / "provisioning" / kind / name).read_text(encoding="utf-8"))
        written = written.replace(_BOARDS_PATH, str(shipped / "dashboards"))
        (files.provisioning / kind).mkdir(parents=True)
        (files.provisioning / kind / name).write_text(written)
    return files
