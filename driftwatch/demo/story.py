"""The demo, top to bottom: train, build the reference, run the daemon, drift, watch the loop, check every claim."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from rich.console import Console

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.demo import tables, workspace
from driftwatch.demo.claims import Claims
from driftwatch.demo.daemon_process import daemon_process, driftwatch, metrics, post
from driftwatch.demo.domains import HELDOUT_TEXTS, NEW_DOMAIN, NEW_SHARE, SCIENTIFIC, TRAINING_TEXTS, domains, mix
from driftwatch.demo.encoder import packaged_encoder
from driftwatch.demo.receiver import Receiver
from driftwatch.demo.training import bar, train
from driftwatch.domain.decision import Action
from driftwatch.domain.run import COST, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.demo.process import Process
    from driftwatch.demo.workspace import Workspace
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

QUIET_WINDOWS = 3
_ONSET_ERROR = 50
DRIFTING_WINDOWS = 4
AFTER_WINDOWS = 3  # as many as the shipped probation has


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The demo's texts, disjoint."""

    training: list[str]
    heldout: list[str]
    quiet: list[str]
    drifting: list[str]
    after: list[str]


def gather() -> Texts:
    """Read the documentation of installed packages and deal it out."""
    old, new = domains()
    training, rest = old[:TRAINING_TEXTS], old[TRAINING_TEXTS:]
    heldout, rest = rest[:HELDOUT_TEXTS], rest[HELDOUT_TEXTS:]
    quiet, rest = rest[: QUIET_WINDOWS * workspace.WINDOW], rest[QUIET_WINDOWS * workspace.WINDOW :]
    turned = (DRIFTING_WINDOWS + AFTER_WINDOWS) * workspace.WINDOW
    mixed = mix(old=rest, new=new, count=turned)
    split = DRIFTING_WINDOWS * workspace.WINDOW
    return Texts(training=training, heldout=heldout, quiet=quiet, drifting=mixed[:split], after=mixed[split:])


class Story:
    """One demo from beginning to end.

    Args:
        space: its folder.
        console: where it is told.
        keep: leave the daemon running at the end.
    """

    def __init__(self, space: Workspace, console: Console, *, keep: bool) -> None:
        self._space = space
        self._console = console
        self._keep = keep
        self._claims = Claims(now=wiring.CLOCK.now)

    def tell(self) -> bool:
        """Play the whole demo and return whether every claim held."""
        self._say("1 · Reading the documentation of the packages installed here")
        texts = gather()
        self._console.print(
            f"  training domain: {', '.join(SCIENTIFIC)} ({len(texts.training):,} paragraphs to train on, "
            f"{len(texts.heldout):,} held out)\n  what production will turn to: {', '.join(NEW_DOMAIN)}"
        )
        self._say("2 · Training a small GPT-2-architecture model on the training domain")
        train(self._space, self._console, training=texts.training, heldout=texts.heldout)
        with Receiver() as receiver:
            to = workspace.to_webhook(receiver.url)
            workspace.configure(self._space, alerts=to, encoder=packaged_encoder(self._space.folder))
            self._say("3 · Building its reference")
            driftwatch(self._space, "reference", "build", workspace.STREAM)
            driftwatch(self._space, "check")
            with daemon_process(self._space, keep=self._keep) as daemon:
                self._watch(daemon, receiver, texts)
        self._console.print()
        self._console.print(tables.claims(self._claims))
        return self._claims.all_held

    def _watch(self, daemon: Process, receiver: Receiver, texts: Texts) -> None:
        daemon.await_ready()
        self._say(
            f"4 · The daemon runs (process {daemon.pid}, {self._space.url}); text of the training domain comes in"
        )
        store = wiring.open_store(load_config(self._space.config, environ=os.environ))
        try:
            self._feed(daemon, store, texts.quiet, windows=QUIET_WINDOWS)
            self._check_quiet(store, receiver)
            self._say("5 · Production turns to another domain")
            self._feed(daemon, store, texts.drifting, windows=DRIFTING_WINDOWS)
            self._check_drift(daemon, store, receiver)
            self._say("6 · The policy asked for a retraining: the run in a process of its own")
            run = self._follow_run(daemon, store)
            self._check_run(daemon, store, receiver, run)
            self._say("7 · The same new text under the new model and its new reference")
            self._feed(daemon, store, texts.after, windows=AFTER_WINDOWS)
            self._check_after(store)
            self._check_probation(daemon, store)
            self._check_metrics(daemon, store)
            self._report(store)
        finally:
            store.close()

    def _feed(self, daemon: Process, store: Store, texts: Sequence[str], *, windows: int) -> None:
        """Send half of each window through the log file and half over HTTP, and wait until it is assessed."""
        first = store.windows.position(workspace.STREAM).index
        for number in range(windows):
            part = texts[number * workspace.WINDOW : (number + 1) * workspace.WINDOW]
            half = len(part) // 2
            workspace.write_texts(self._space.log, part[:half])
            stored = post(
                self._space, f"/v1/streams/{workspace.STREAM}/texts", [{"text": text} for text in part[half:]]
            )
            index = first + number
            result = daemon.until(
                lambda index=index: store.windows.result(workspace.STREAM, index),  # type: ignore[misc]
                f"window {index}",
                seconds=180,
            )
            self._console.print(f"  {tables.window(result)}  ({half} by file, {stored} by HTTP)")

    def _check_quiet(self, store: Store, receiver: Receiver) -> None:
        decisions = store.decisions.recent(workspace.STREAM, limit=100)
        acted = [stored for stored in decisions if stored.decision.action is not Action.HOLD]
        held = not acted and not receiver.names() and not store.outbox.counts()
        self._claims.check(
            "no alarm while the text is the training domain's",
            held=held,
            figures=f"{QUIET_WINDOWS} windows, {len(decisions)} decisions to hold, {len(acted)} to act",
        )

    def _check_drift(self, daemon: Process, store: Store, receiver: Receiver) -> None:
        last = store.windows.recent(workspace.STREAM, limit=1)[0]
        self._console.print(tables.words(last))
        decisions = store.decisions.recent(workspace.STREAM, limit=100)
        alerts = [s.decision for s in decisions if s.decision.action is Action.ALERT]
        retrains = [s.decision for s in decisions if s.decision.action is Action.RETRAIN]
        self._console.print(tables.decisions([*alerts, *retrains]))
        share, increase = last.value("drift.new_share") or 0.0, last.value("loss.increase") or 0.0
        self._claims.check(
            "the drift raised an alarm within two windows",
            held=bool(alerts) and QUIET_WINDOWS <= alerts[-1].window <= QUIET_WINDOWS + 1,
            figures=f"window {alerts[-1].window if alerts else '–'}",
        )
        alarmed = alerts[-1].window if alerts else QUIET_WINDOWS
        first, true = store.windows.result(workspace.STREAM, alarmed), QUIET_WINDOWS * workspace.WINDOW + 1
        onset = first.onset.seq if first is not None and first.onset is not None else 0
        self._claims.check(
            "it says since when",
            held=abs(onset - true) <= _ONSET_ERROR,
            figures=f"text {onset:,}, truly {true:,}",
        )
        rose = [word.word for word in last.words if word.z > 0]
        self._claims.check(
            "it says what drifted: words and a share of the traffic",
            held=bool(rose) and share > 0,
            figures=f"{', '.join(rose[:5])}; at least {share:.0%} new (truly {NEW_SHARE:.0%})",
        )
        self._claims.check(
            "the model suffers, so the policy asked for a retraining once",
            held=len(retrains) == 1 and increase > 0,
            figures=f"loss {increase:+.2f} nats/token over its baseline",
        )
        names = daemon.until(
            lambda: names if {"DriftDetected", "RetrainStarted"} <= set(names := receiver.names()) else None,
            "the alerts to be received",
            seconds=60,
        )
        self._claims.check(
            "the alerts were received once each",
            held=names.count("DriftDetected") == 1 and names.count("RetrainStarted") == 1,
            figures=", ".join(names),
        )

    def _follow_run(self, daemon: Process, store: Store) -> Run:
        shown: list[RunState] = []
        with bar(self._console) as drawn:
            task = drawn.add_task("queued", total=None, figures="")

            def look() -> Run | None:
                run = store.runs.list(stream=workspace.STREAM)[0]
                for moved in run.transitions[len(shown) :]:
                    shown.append(moved.state)
                    drawn.console.print(f"  {moved.at:%H:%M:%S} {moved.state.value}: {moved.reason}")
                if run.progress is not None:
                    figures = " ".join(f"{name} {value:.2f}" for name, value in run.progress.figures.items())
                    done, total = run.progress.done, run.progress.total
                    drawn.update(task, description=run.progress.stage, completed=done, total=total, figures=figures)
                drawn.update(task, visible=run.progress is not None)
                resting = run.state.final or run.state in (RunState.AWAITING_APPROVAL, RunState.PROBATION)
                return run if resting else None

            return daemon.until(look, "the run to end", seconds=600)

    def _check_run(self, daemon: Process, store: Store, receiver: Receiver, run: Run) -> None:
        self._console.print(tables.verdicts(run))
        last = [verdict for verdict in run.verdicts if verdict.round == run.round]
        gates = {verdict.gate: verdict for verdict in last if verdict.gate != COST}
        passed = all(verdict.outcome.value == "passed" for verdict in gates.values())
        self._claims.check(
            "quality, forgetting and bias were judged and passed",
            held=set(gates) == {"quality", "forgetting", "bias"} and passed,
            figures="; ".join(f"{name} {verdict.outcome.value}" for name, verdict in sorted(gates.items())),
        )
        champion, reference = store.registry.champion(workspace.STREAM), store.registry.reference(workspace.STREAM)
        link = (self._space.folder / "state" / "models" / workspace.STREAM / "current").resolve()
        serves = champion is not None and champion.run == run.spec.id and Path(champion.path) == link
        self._claims.check(
            "the better model was promoted and `current` points at it",
            held=run.state in (RunState.PROBATION, RunState.KEPT) and serves,
            figures=f"{run.spec.champion} → {champion.version if champion else '–'}",
        )
        self._claims.check(
            "the reference followed the model",
            held=reference is not None and reference.version != run.spec.reference,
            figures=f"{run.spec.reference} → {reference.version if reference else '–'}",
        )
        daemon.until(lambda: True if "RunPromoted" in receiver.names() else None, "word of the promotion", seconds=60)
        self._claims.check(
            "its promotion was told once", held=receiver.names().count("RunPromoted") == 1, figures="RunPromoted"
        )

    def _check_after(self, store: Store) -> None:
        results = store.windows.recent(workspace.STREAM, limit=AFTER_WINDOWS)
        before = [store.windows.result(workspace.STREAM, QUIET_WINDOWS + n) for n in range(DRIFTING_WINDOWS)]
        now, then = _loss(results), _loss([result for result in before if result is not None])
        acted = [
            stored
            for stored in store.decisions.recent(workspace.STREAM, limit=100)
            if stored.decision.window >= QUIET_WINDOWS + DRIFTING_WINDOWS and stored.decision.action is not Action.HOLD
        ]
        self._claims.check(
            "under the new model the same kind of text is no drift any more",
            held=not acted,
            figures=f"{AFTER_WINDOWS} windows, {len(acted)} alarms",
        )
        self._claims.check(
            "and the new model reads it better", held=now < then, figures=f"{then:.2f} → {now:.2f} nats/token"
        )

    def _check_probation(self, daemon: Process, store: Store) -> None:
        def ended() -> Run | None:
            run = store.runs.list(stream=workspace.STREAM)[0]
            return run if run.state.final else None

        run = daemon.until(ended, "the probation's end", seconds=60)
        self._claims.check(
            "compared with its predecessor on the same texts, it was kept",
            held=run.state is RunState.KEPT,
            figures=run.transitions[-1].reason,
        )

    def _check_metrics(self, daemon: Process, store: Store) -> None:
        expected = store.counts.intake()
        stored = sum(count for (_, _, outcome), count in expected.items() if outcome == "stored")
        wanted = (QUIET_WINDOWS + DRIFTING_WINDOWS + AFTER_WINDOWS) * workspace.WINDOW
        scraped = daemon.until(
            lambda: found if tables.stored_texts(found := metrics(self._space)) == wanted else None,
            "the metrics to show every text",
            seconds=30,
        )
        self._say("8 · What Prometheus scrapes")
        self._console.print(tables.excerpt(scraped))
        self._claims.check(
            "every text was counted once, in the store and in the metrics",
            held=stored == wanted,
            figures=f"{stored:,} stored of {wanted:,} sent",
        )

    def _report(self, store: Store) -> None:
        config = load_config(self._space.config, environ=os.environ)
        html = wiring.incident(config, store, workspace.STREAM, QUIET_WINDOWS, base=self._space.url)
        page = self._space.folder / "report.html"
        page.write_text(html or "", encoding="utf-8")
        self._claims.check("the incident's page was written", held=bool(html), figures=str(page))

    def _say(self, line: str) -> None:
        self._console.print(f"\n[bold]{line}[/bold]")


def _loss(results: Sequence[WindowResult]) -> float:
    values = [value for result in results if (value := result.value("loss.nats")) is not None]
    return sum(values) / max(len(values), 1)


def run(folder: Path, *, keep: bool) -> int:
    """Play the demo in a folder of its own; 0 only if every claim held.

    Raises:
        DriftwatchError: it could not be played to its end.
    """
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )  # the story tells the rest
    console = Console(highlight=False, soft_wrap=True)
    space = workspace.make(folder.absolute())
    held = Story(space, console, keep=keep).tell()
    console.print(f"\nreport: {space.folder / 'report.html'}")
    if keep:
        console.print(
            f"the daemon runs on: status page {space.url}/, metrics {space.url}/metrics, log {space.folder}/daemon.log"
            f"\nlook with: driftwatch status --config {space.config}   stop with: pkill -f {space.config}"
        )
    return 0 if held else 1
