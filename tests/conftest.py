"""Which stores the suite runs on, one PostgreSQL for all of it, and how its properties are tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgres import PostgresServer, Stores, postgres

# The suite tries the same examples everywhere and takes its time; HYPOTHESIS_PROFILE=searching looks for others.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

KINDS = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    said = "run every test that has a store on this one only; left out: SQLite, and where marked both_stores, both"
    parser.addoption("--store", choices=KINDS, default=None, help=said)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store_kind" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--store")
        both = metafunc.definition.get_closest_marker("both_stores") is not None
        metafunc.parametrize("store_kind", [chosen] if chosen else KINDS if both else KINDS[:1], scope="session")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, store_kind: str) -> Stores:
    return Stores(request.getfixturevalue("postgres_server") if store_kind == "postgresql" else None)


@pytest.fixture
def store_place(stores: Stores, tmp_path: Path) -> Path | str:
    """Return where a test's own store may be made."""
    return stores.place(tmp_path / "driftwatch.db")
