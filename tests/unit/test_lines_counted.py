"""Lines of records are counted alike with numpy and without."""

import random
import subprocess
import sys

import numpy as np
import pytest

from driftwatch.intake.lines import a_record_a_line, beginnings

PIECES = (b"{}", b'{"a": 1}', b"\n", b"\n\n", b" ", b"}\n{", b"x")
ALONE = (
    "import sys; from driftwatch.intake.lines import a_record_a_line as count\n"
    "print(count(sys.stdin.buffer.read()), 'numpy' in sys.modules)"
)


def without_numpy(content: bytes) -> str:
    return subprocess.run(
        [sys.executable, "-c", ALONE], input=content, capture_output=True, check=True, timeout=60
    ).stdout.decode()


@pytest.mark.parametrize(
    ("between", "last", "lines"),
    [(b"\n", b"", 8_001), (b"\n", b"\n", None), (b"\n\n", b"", None), (b"\n ", b"", None), (b" ", b"", 1)],
    ids=["a record a line", "an empty line at the end", "empty lines", "a blank before a record", "one line"],
)
def test_large_contents_are_counted_alike_where_numpy_is_loaded_and_where_not(
    between: bytes, last: bytes, lines: int | None
) -> None:
    content = between.join([b'{"id": 1}'] * 8_001) + last
    assert len(content) > 64 * 1024
    assert "numpy" in sys.modules
    assert np.frombuffer(content, np.uint8).size == len(content)
    assert a_record_a_line(content) == lines
    assert without_numpy(content) == f"{lines} False\n"


def test_one_line_that_is_no_record_is_told_among_very_many() -> None:
    rows = [b'{"id": 1}'] * 8_001
    rows[4_000] = b'{"id":\n1}'
    assert a_record_a_line(b"\n".join(rows)) is None
    assert without_numpy(b"\n".join(rows)) == "None False\n"


def test_lines_begin_behind_line_feeds_whatever_stands_in_them() -> None:
    chance = random.Random(3)
    for _ in range(300):
        content = b"".join(chance.choices(PIECES, k=chance.randint(0, 12)))
        expected = [0, *(at + 1 for at, byte in enumerate(content) if byte == ord("\n"))]
        assert beginnings(content) == expected
