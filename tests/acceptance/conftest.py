"""One deployment for the tests that do not change it for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deployment import Daemon, Deployment, deploy, ready, until
from postgres import Stores


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Deployment:
    return deploy(tmp_path_factory.mktemp("deployment") / "here", stores)


@pytest.fixture
def daemon(deployment: Deployment) -> Iterator[Daemon]:
    with Daemon(deployment) as running:
        until(lambda: ready(deployment), "the daemon to be ready")
        yield running
        assert running.stop() == 0
