"""A gigabyte without an end, and one that is sent as a megabyte: little memory, a clear answer, the rest goes on.

Each in a process of its own, whose greatest memory is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = Path(__file__).parents[1] / "memory_child.py"
MOST_MEGABYTES = 250
"""Four times what a body may unpack to: there is the body, a copy of it while it grows, and what is made of a part."""


def taken(kind: str, what: str, folder: Path) -> tuple[dict[str, object], float]:
    done = subprocess.run(
        [sys.executable, str(CHILD), kind, what, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHILD.parents[1]), str(CHILD.parent)])},
        capture_output=True,
        check=True,
        timeout=300,
    )
    answer = json.loads(done.stdout)
    return answer["found"], answer["megabytes"]


@pytest.mark.parametrize("kind", ["json", "otlp"])
def test_a_gigabyte_in_a_megabyte_is_refused(kind: str, tmp_path: Path) -> None:
    found, megabytes = taken(kind, "zeros", tmp_path)
    assert found == {"status": 413, "title": "Too large"}
    assert megabytes < MOST_MEGABYTES


@pytest.mark.parametrize(
    ("bomb", "status"), [("lines", 413), ("objects", 413), ("numbers", 413), ("nesting", 413), ("one text", 400)]
)
@pytest.mark.parametrize("kind", ["json", "lines"])
def test_what_would_be_far_more_in_memory_is_refused_unread(kind: str, bomb: str, status: int, tmp_path: Path) -> None:
    found, megabytes = taken(kind, bomb, tmp_path)
    assert found["status"] == status
    assert megabytes < MOST_MEGABYTES


PROTOBUF = [
    "parts",
    "spans",
    "attributes",
    "links",
    "values",
    "attributes of a resource",
    "a large resource of many spans",
    "calls with attributes",
]
JSON = ["spans", "values", "a large resource of many spans", "nesting"]


@pytest.mark.parametrize(
    ("kind", "bomb"), [("otlp-protobuf", bomb) for bomb in PROTOBUF] + [("otlp-json", bomb) for bomb in JSON]
)
def test_an_export_that_would_be_monstrous_is_refused(kind: str, bomb: str, tmp_path: Path) -> None:
    found, megabytes = taken(kind, bomb, tmp_path)
    assert found == {"status": 413, "title": "Too large"}
    assert megabytes < MOST_MEGABYTES


@pytest.mark.parametrize("bomb", ["json in a string", "numbers in a string", "messages in a string"])
def test_an_attribute_that_would_be_monstrous_is_counted(bomb: str, tmp_path: Path) -> None:
    found, megabytes = taken("otlp-protobuf", bomb, tmp_path)
    assert found == {"texts": 0, "counts": {"bad-turns": 1}}
    assert megabytes < MOST_MEGABYTES


@pytest.mark.parametrize("begin", ['{"text": "', "no record"])
def test_a_gigabyte_without_an_end_in_a_log(begin: str, tmp_path: Path) -> None:
    found, megabytes = taken("file", begin, tmp_path)
    assert found == {"bodies": ["before", "after"], "rejected": {"line-too-long": 1}}
    assert megabytes < MOST_MEGABYTES


def test_a_bomb_in_a_log_that_was_rotated_and_packed(tmp_path: Path) -> None:
    found, megabytes = taken("file", "packed", tmp_path)
    assert found == {"bodies": ["after", "new"], "rejected": {"line-too-long": 1}}
    assert megabytes < MOST_MEGABYTES
