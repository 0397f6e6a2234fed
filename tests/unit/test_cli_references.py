"""What ``driftwatch reference show`` says of how texts are bet on."""

from __future__ import annotations

from driftwatch.cli.references import _dependence
from driftwatch.config import StreamSettings
from driftwatch.drift.evidence.dependence import Dependence
from driftwatch.drift.evidence.state import Notes


def notes(length: int) -> Notes:
    found = Dependence(length=length, texts=2_000, settled=True, bands=(), confirmed=True, beyond=False)
    return Notes(
        texts=2_000, arl_texts=1e6, paid=0.0, closed=0, chunks=0, pieces=0, alive=(), alarm=None, dependence=found
    )


def test_blocks_longer_than_a_window_are_told_with_the_cure() -> None:
    said = _dependence(StreamSettings(name="a", window=100), notes(128))
    assert said is not None
    assert said.endswith("a window of 100 is one block: set window to at least 128")
    assert _dependence(StreamSettings(name="a", window=128), notes(128)) == notes(128).dependence.sentence  # type: ignore[union-attr]
    assert _dependence(StreamSettings(name="a", window=100), None) is None
