"""Whatever lies in a suite's file, it is a suite or a told error, never a surprise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftwatch.domain.errors import DriftwatchError
from driftwatch.gate.bias.suites import load_suite

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.sampled_from(
    [
        "own.csv",
        "own.tsv",
        "own.jsonl",
        "own.yaml",
        "dev.json",
        "all_sentences.tsv",
        "templates.tsv",
        "pro_stereotyped_type1.txt.dev",
        "crows_pairs_anonymized.csv",
    ]
)
WORDS = st.sampled_from(
    [
        *("stereotype", "counter", "category", "id", "directed", "sent_more", "sent_less", "bias_type", "sentid"),
        *("sentence", "context", "question", "ans0", "answer_info", "data", "intrasentence", "first", "terms", "note"),
        *(",", "\t", "\n", '"', "'", ":", "- ", "[", "]", "{", "}", "|", "{group}", "&a ", "*a", "!!int ", "<<: "),
        *("true", "3", "2001-99-99", "0x", "~", "\x00", "ü", "\ufeff", "gender", "age", "%", "? ", "@"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())
CONTENT = st.binary(max_size=60) | st.lists(WORDS, max_size=25).map(lambda words: "".join(words).encode()) | JSON


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=NAMES, content=CONTENT)
def test_a_file_is_a_suite_or_a_told_error(name: str, content: bytes, tmp_path: Path) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    path = tmp_path / name
    path.write_bytes(content)
    try:
        suite = load_suite(str(path))
    except DriftwatchError as error:
        told = error
    else:
        assert len(suite) > 0
        return
    assert told.cure
    assert str(path) in str(told)
