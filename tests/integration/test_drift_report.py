"""Evidently's report, for real: made without network, its failures translated."""

from __future__ import annotations

import socket
from dataclasses import replace

import drift_samples as samples
import numpy as np
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


@pytest.mark.parametrize("predicted", [True, False], ids=["some-scored", "none-scored"])
def test_texts_of_which_nothing_is_predicted_have_no_loss(monkeypatch: pytest.MonkeyPatch, *, predicted: bool) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("there is no network in this test"))
    bodies = samples.known()
    features = samples.features(bodies[600:800])
    losses = features.losses
    assert losses is not None
    has = np.arange(200) % 2 == 0 if predicted else np.zeros(200, dtype=bool)
    losses = replace(losses, nats=np.where(has, losses.nats, 0.0), tokens=np.where(has, losses.tokens, 0))
    html = evidently_report(
        samples.texts(bodies[:600]),
        samples.features(bodies[:600]),
        samples.texts(bodies[600:800]),
        replace(features, losses=losses),
    )
    assert ("loss per token" in html) is predicted


def test_its_failures_become_ours() -> None:
    old = samples.texts(samples.known()[:600])
    features = samples.features([text.body for text in old])
    with pytest.raises(ReportError, match="evidently could not make its report"):
        evidently_report(old, features, (), samples.features([]))
