"""Whether the hosts on one store are configured alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.cli.findings import Finding
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config
    from driftwatch.store import Store


def alike(config: Config, store: Store) -> Iterator[Finding]:
    """Look at this configuration, and at those that the daemons on the store run with."""
    yield _own(config, store)
    yield from _others(store)


def _own(config: Config, store: Store) -> Finding:
    """Hold this configuration against that of the daemon that leads; a change comes through host by host."""
    from driftwatch import wiring

    try:
        own, (_, agreed) = wiring.agreement_of(config, wiring.load_policy(config)), store.host_book.seen()
    except DriftwatchError as error:
        return Finding(level="error", subject="hosts", detail=str(error), code=error.exit_code)
    if agreed is None:
        return Finding(level="ok", subject="hosts", detail="no daemon has led on this store yet")
    found = [str(each) for each in own.differences(agreed)]
    if not found:
        return Finding(level="ok", subject="hosts", detail="configured as the daemon that leads, or led last")
    detail = (
        f"{config.path} is not what the daemon that leads is configured with: {'; '.join(found)} (make it the same on "
        "every host: until then the daemon here takes texts in and does not take over the lead)"
    )
    return Finding(level="warning", subject="hosts", detail=detail)


def _others(store: Store) -> Iterator[Finding]:
    hosts = store.hosts()
    for each in hosts.differing if hosts is not None else ():
        words = f"configured otherwise than is agreed, so it does not take over: {'; '.join(each.differences)}"
        yield Finding(level="warning", subject=f"host {each.name}", detail=words)
