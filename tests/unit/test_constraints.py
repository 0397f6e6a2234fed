"""What constraints.txt promises: every package of every extra has a version that goes with those of all the others."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): number for name, _, number in (line.partition("==") for line in lines)}


def asked() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(words) for words in (*project["dependencies"], *(each for extra in extras for each in extra))]


def below(name: str, extras: set[str]) -> list[Requirement]:
    """Return what an installed package needs here."""
    needs = [Requirement(words) for words in requires(name) or ()]
    return [
        each
        for each in needs
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def test_every_version_goes_with_the_others() -> None:
    pins, wanted, seen, wrong = pinned(), asked(), set[tuple[str, frozenset[str]]](), list[str]()
    assert len(wanted) > 50
    while wanted:
        each = wanted.pop()
        name = canonicalize_name(each.name)
        if (name, frozenset(each.extras)) in seen:
            continue
        seen.add((name, frozenset(each.extras)))
        try:
            wanted += (found := below(name, each.extras))
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        wrong += [
            f"{name} {version(name)} needs {need}, not {pins[canonicalize_name(need.name)]}"
            for need in found
            if (pin := pins.get(canonicalize_name(need.name))) is not None and not need.specifier.contains(pin)
        ]
    assert wrong == []


def test_every_package_of_an_extra_is_pinned() -> None:
    assert [str(each) for each in asked() if canonicalize_name(each.name) not in pinned()] == []
