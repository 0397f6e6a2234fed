"""Evidently's report, for real: made without network, its failures translated."""

from __future__ import annotations

import socket

import drift_samples as samples
import pytest

from driftwatch.drift.report import ReportError, evidently_report


def test_the_report_is_made_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[object] = []

    def connect(_socket: socket.socket, address: object) -> None:
        reached.append(address)
        raise OSError("there is no network in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    old, now = samples.texts(samples.known()[:600]), samples.texts(samples.new()[:200])
    html = evidently_report(
        old,
        samples.features([text.body for text in old]),
        now,
        samples.features([text.body for text in now]),
    )
    assert "embedding axis 1" in html
    assert "loss per token" in html
    assert reached == []


def test_its_failures_become_ours() -> None:
    old = samples.texts(samples.known()[:600])
    features = samples.features([text.body for text in old])
    with pytest.raises(ReportError, match="evidently could not make its report"):
        evidently_report(old, features, (), samples.features([]))
