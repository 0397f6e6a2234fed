"""The daemon's web face with small parts behind it, driven without a socket."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web import (
    App,
    Body,
    Health,
    Page,
    Pages,
    Receipt,
    RejectedLine,
    ReloadResult,
    StatusView,
    WebSettings,
    create_app,
)
from driftwatch.web.access import Guard

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass
class Shelf:
    """An intake that keeps bodies in memory and can be told to fail or to wait."""

    bodies: list[bytes] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    waiting: int = 0
    failure: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    thread: str = ""

    def __post_init__(self) -> None:
        self.go_on.set()

    def take_each(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        self.groups.append(len(bodies))
        outcomes: list[Receipt | BaseException] = []
        for each in bodies:
            try:
                outcomes.append(
                    self.take(each.content, content_type=each.content_type, content_encoding=each.content_encoding)
                )
            except Exception as error:  # noqa: BLE001 - an outcome, like any other
                outcomes.append(error)
        return outcomes

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> Receipt:
        self.thread = threading.current_thread().name
        self.entered.set()
        assert self.go_on.wait(120)
        if self.failure is not None:
            raise self.failure
        assert content_type
        assert content_encoding
        self.bodies.append(body)
        return Receipt(stored=1, duplicates=0, sampled_out=0, rejected=(RejectedLine(line=2, reason="not-json"),))

    def backlog(self) -> int:
        return self.waiting


@dataclass
class Daemon:
    """What the app is told about the daemon."""

    health: Health = field(default_factory=Health)
    reloaded: ReloadResult = field(default_factory=lambda: ReloadResult(detail="2 streams"))
    view: StatusView = field(default_factory=lambda: StatusView(version="0.1.0", at=NOON, unready=(), streams=()))
    pages_asked: list[tuple[str, int] | str] = field(default_factory=list)
    reloaded_by: list[str] = field(default_factory=list)

    def reload(self, who: str) -> ReloadResult:
        self.reloaded_by.append(who)
        return self.reloaded

    def window(self, stream: str, index: int) -> Page | None:
        self.pages_asked.append((stream, index))
        return Page(html="<p>a window</p>") if stream == "support" else None

    def incident(self, stream: str, index: int) -> Page | None:
        self.pages_asked.append((stream, index))
        return Page(html="<p>an incident</p>") if stream == "support" else None

    def report(self, stream: str, index: int) -> Page | None:
        self.pages_asked.append((stream, index))
        return Page(html="<script>draw()</script>", scripted=True)

    def run(self, run: str) -> Page | None:
        self.pages_asked.append(run)
        return Page(html="<p>a run</p>")


def app_of(
    shelf: Shelf,
    daemon: Daemon | None = None,
    *,
    settings: WebSettings | None = None,
    seconds: list[float] | None = None,
    guard: Guard | None = None,
) -> App:
    """Return an app whose stream ``support`` is the shelf; ``seconds[0]`` is its clock."""
    daemon = daemon or Daemon()
    clock = seconds or [0.0]
    return create_app(
        intake={"support": shelf},
        metrics=lambda accept: (f"# {accept}\n".encode(), "text/plain; version=0.0.4; charset=utf-8"),
        health=lambda: daemon.health,
        reload=daemon.reload,
        pages=Pages(
            status=lambda: daemon.view,
            window=daemon.window,
            incident=daemon.incident,
            report=daemon.report,
            run=daemon.run,
        ),
        settings=settings,
        now=lambda: clock[0],
        guard=guard,
    )


def client_of(app: App) -> httpx.AsyncClient:
    """Return a client that talks to the app in-process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://driftwatch.test")


def disk_full() -> StoreUnavailableError:
    """Return what the store raises on a full disk."""
    return StoreUnavailableError("the disk is full", where="state/driftwatch.db", cure="make room")
