"""``driftwatch stack``, top to bottom: train, refer, start everything, let text drift, say what happens."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import structlog
from rich.console import Console

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.demo import workspace
from driftwatch.demo.daemon_process import driftwatch
from driftwatch.demo.domains import HELDOUT_TEXTS, NEW_DOMAIN, NEW_SHARE, SCIENTIFIC, TRAINING_TEXTS, domains, mix
from driftwatch.demo.encoder import packaged_encoder
from driftwatch.demo.receiver import Receiver
from driftwatch.demo.stack import addresses, files, programs, words
from driftwatch.demo.stack.keys import Keys
from driftwatch.demo.stack.stack import INTERRUPTS, Stack, ignore_interrupts
from driftwatch.demo.stack.traffic import Traffic
from driftwatch.demo.stack.watch import Watch
from driftwatch.demo.training import train

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.demo.stack.addresses import Addresses
    from driftwatch.demo.stack.programs import Programs
    from driftwatch.demo.workspace import Workspace

_PACE = 15.0
"""Texts a second."""

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asked for.

    Args:
        folder: where everything is kept.
        shipped: folder ``grafana`` as it comes.
        quiet: windows before the text turns by itself; None: it turns at Enter only.
        interval: between two scrapes, in Prometheus' words; None for the shipped one.
        receiver: port on loopback where somebody takes Alertmanager's messages; None: they are shown here.
    """

    folder: Path
    shipped: Path
    quiet: int | None = 3
    interval: str | None = None
    receiver: int | None = None


def run(wanted: Wanted) -> None:
    """Run the stack until it is interrupted, and leave nothing of it running.

    Raises:
        DriftwatchError: it could not be set up, or a part of it ended.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for number in INTERRUPTS:
        signal.signal(number, _interrupted)
    console = Console(highlight=False, soft_wrap=True)
    found, ports = programs.find(), addresses.free(receiver=wanted.receiver)
    space = workspace.make(wanted.folder.absolute(), port=ports.daemon)
    with workspace.held(space.folder):
        Tale(wanted, space, ports, console).tell(found)
    console.print(f"  stopped, nothing of it runs any more; its files and logs: {space.folder}")


class Tale:
    """One life of the stack.

    Args:
        wanted: by the user.
        space: its folder.
        ports: of its parts.
        console: where it is told.
    """

    def __init__(self, wanted: Wanted, space: Workspace, ports: Addresses, console: Console) -> None:
        self._wanted = wanted
        self._space = space
        self._ports = ports
        self._console = console

    def tell(self, found: Programs) -> None:
        """Set everything up and follow it until the user ends it."""
        before, after = self._prepare()
        self._say("4 · Starting Alertmanager, Prometheus and the daemon")
        copied = files.put(
            self._wanted.shipped, self._space.folder / "stack", self._ports, interval=self._wanted.interval
        )
        config = load_config(self._space.config, environ=os.environ)
        with ExitStack() as running:
            store = wiring.open_store(config)
            running.callback(store.close)
            own = self._wanted.receiver is None
            receiver = running.enter_context(Receiver(self._ports.receiver)) if own else None
            stack = running.enter_context(Stack(self._space, copied, found, self._ports, config=config))
            self._say_where(copied)
            traffic = running.enter_context(Traffic(self._space, before=before, after=after, pace=_PACE))
            self._follow(stack, traffic, Watch(store=store, ports=self._ports, receiver=receiver))

    def _prepare(self) -> tuple[list[str], list[str]]:
        """Train the champion, build its reference, and return the texts before and after the turn."""
        self._say("1 · Reading the documentation of the packages installed here")
        old, new = domains()
        self._console.print(f"  training domain: {', '.join(SCIENTIFIC)}\n  drift: {', '.join(NEW_DOMAIN)}")
        self._say("2 · Training a small GPT-2-architecture model on the training domain")
        held = TRAINING_TEXTS + HELDOUT_TEXTS
        train(self._space, self._console, training=old[:TRAINING_TEXTS], heldout=old[TRAINING_TEXTS:held])
        self._say("3 · Building its reference")
        to = workspace.to_alertmanager(addresses.url(self._ports.alertmanager), link=addresses.url(self._ports.daemon))
        workspace.configure(self._space, alerts=to, encoder=packaged_encoder(self._space.folder))
        driftwatch(self._space, "reference", "build", workspace.STREAM)
        count = int(len(new) / NEW_SHARE)
        among = count - round(count * NEW_SHARE)
        rest = old[held:]
        return rest[among:], mix(old=rest[:among], new=new, count=count)

    def _follow(self, stack: Stack, traffic: Traffic, watch: Watch) -> None:
        """Say what is new, let the text turn, and return when the user ends it."""
        keys, quiet, ended = Keys(), self._wanted.quiet, False
        try:
            while True:
                stack.check()
                self._say_news(watch)
                if not traffic.turned and quiet is not None and watch.windows >= quiet:
                    self._turn(traffic)
                if not ended and (ended := watch.ended):
                    self._note(words.CLOSED)
                if keys.wait(_LOOK_SECONDS) and not traffic.turned:
                    self._turn(traffic)
        except KeyboardInterrupt:
            ignore_interrupts()
            self._console.print("\n  stopping …")

    def _say_news(self, watch: Watch) -> None:
        for fact in watch.look():
            self._console.print(f"  {wiring.CLOCK.now():%H:%M:%S} [bold]{fact.who:12}[/bold] ", end="")
            self._console.print(fact.what, markup=False)

    def _turn(self, traffic: Traffic) -> None:
        traffic.turn()
        self._note(f"From now on {NEW_SHARE:.0%} of the text is of another domain. What happens next:")
        for line in words.EXPECTED:
            self._console.print(f"             {line}", style="dim")

    def _say_where(self, copied: files.Files) -> None:
        alerts = words.page_of_alerts(addresses.url(self._ports.prometheus))
        for name, where, what in words.places(self._ports, copied, alerts=alerts):
            self._console.print(f"  {name:14}{where}", style="bold", markup=False)
            self._console.print(f"  {'':14}{what}", style="dim", markup=False)
        for line in words.moved(self._ports):
            self._console.print(f"  {line}", markup=False)
        self._say("5 · Text comes in")
        by_itself = "" if self._wanted.quiet is None else f"after {self._wanted.quiet} windows, or "
        self._console.print(
            f"  {_PACE:g} texts a second of the training domain, {workspace.WINDOW} a window. They turn to another "
            f"domain {by_itself}when you press Enter.\n  Ctrl-C ends everything. Times are in UTC.\n"
        )

    def _say(self, line: str) -> None:
        self._console.print(f"\n[bold]{line}[/bold]")

    def _note(self, line: str) -> None:
        self._console.print(f"  {wiring.CLOCK.now():%H:%M:%S} [bold green]{line}[/bold green]")


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt
