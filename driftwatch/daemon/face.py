"""The daemon's web face: what its parts answer to those who ask over HTTP."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.daemon.pages import pages
from driftwatch.metrics import Exposition
from driftwatch.web import App, WebSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.daemon.condition import Condition
    from driftwatch.daemon.parts import Parts
    from driftwatch.web import ReloadResult


def face(
    parts: Parts,
    condition: Condition,
    *,
    taken: Callable[[str, int], None],
    reload: Callable[[str], ReloadResult],
) -> App:
    """Return the application that answers.

    Args:
        parts: of the daemon.
        condition: how it is.
        taken: is told a stream and how many texts it took in.
        reload: loads rules and who may ask anew, for who asks.
    """
    config, store, clock = parts.config, parts.store, parts.clock
    return App(
        intake=wiring.http_intakes(
            config,
            store,
            clock=clock,
            taken=taken,
            backlog=parts.backlog.blocking,
            dropping=parts.backlog.dropping,
            lengths=parts.watch.texts,
        ),
        metrics=Exposition(condition.shown).render,
        health=condition.health,
        reload=reload,
        pages=pages(
            config,
            store,
            clock=clock,
            unready=lambda: condition.health().unready,
            failing=lambda: tuple(condition.failing()),
        ),
        settings=WebSettings(backlog=config.daemon.backlog),
        now=monotonic,
        feedback=wiring.feedback_intakes(config, store, clock=clock),
        otlp=wiring.otlp_intakes(
            config,
            store,
            clock=clock,
            taken=taken,
            backlog=parts.backlog.blocking,
            dropping=parts.backlog.dropping,
            lengths=parts.watch.texts,
        ),
        guard=parts.entrance.guard,
        identity=lambda: replace(parts.identity, failing=tuple(condition.failing())),
    )
