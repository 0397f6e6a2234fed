"""Lines are looked at alike whether there are few of them or many."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.intake.lines import a_record_a_line, beginnings

MANY = 8_000
"""Lines of 10 bytes that are together more than a small lot."""

pieces = st.sampled_from([b"{", b"}", b"\n", b"}\n{", b"{}", b"a", b" ", b'"', b"\xc3\xa9"])
contents = st.lists(pieces, min_size=1, max_size=12).map(b"".join)


@given(contents)
@settings(deadline=None)
def test_many_lines_count_as_few_do(content: bytes) -> None:
    more = b"\n".join([b'{"id": 1}'] * MANY)
    assert np.frombuffer(more, np.uint8).size > 64 * 1024  # numpy, loaded here, counts the many
    alone, together = a_record_a_line(content), a_record_a_line(content + b"\n" + more)
    is_whole = alone is not None and content.endswith(b"}")
    assert together == (alone + MANY if is_whole and alone is not None else None)
    assert alone == (content.count(b"\n") + 1 if content.count(b"\n") == content.count(b"}\n{") else None)


@given(contents)
@settings(deadline=None)
def test_many_lines_begin_where_few_do(content: bytes) -> None:
    more = b"\n" + b"\n".join([b"123456789"] * MANY)
    first = beginnings(content)
    assert beginnings(content + more)[: len(first)] == first
    assert len(beginnings(content + more)) == len(first) + MANY
    assert [content[begin - 1 : begin] for begin in first[1:]] == [b"\n"] * content.count(b"\n")
