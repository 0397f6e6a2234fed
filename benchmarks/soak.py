"""A day of operation in minutes: whether memory and descriptors stay flat, and whether no window is lost.

``python -m benchmarks.soak [--hours H] [--speed S] [--quick] [--json FILE] [--samples FILE] [--folder FOLDER]``.
Everything is real: the daemon as its own process with its worker, four streams over HTTP and from a log that is
rotated, a small model that is retrained when its text drifts, drills, retention at work, alerts posted to a receiver,
rules edited and reloaded, pages looked at, and a scrape every 15 simulated seconds. Only the clock is fast: 100
simulated seconds a second, in which 100 windows come in a real minute; it halts while a busy machine cannot keep up.
Ends with code 1 where something grew or was lost.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.soaking import judge
from benchmarks.soaking.clock import FastClock
from benchmarks.soaking.operator import Operator, Scraper, feedback
from benchmarks.soaking.place import AGE_HOURS, DRILLED, ENVIRONMENT, GROUPED, LOGGED, MODELLED, WINDOW, prepare
from benchmarks.soaking.process import command, rhythm
from benchmarks.soaking.traffic import Episode, Log, Sender, pools, post
from benchmarks.soaking.watch import Metrics, Sample, look
from benchmarks.table import Row, at_least, at_most, print_table, write_rows
from driftwatch.demo.receiver import Receiver
from driftwatch.store import open_store

if TYPE_CHECKING:
    from benchmarks.soaking.place import Place

SPEED = 100.0
WINDOWS_A_MINUTE = 100.0
_TICK = 0.25
_SAMPLE_EVERY = 2.0
_SCRAPE_EVERY = timedelta(seconds=15)
_SHOW_EVERY = 1.0
_DRAIN = timedelta(minutes=10)
_LONGEST_START = 120
_WHOLE = 18.0
_MOST_WAITING = 16
"""Windows that may wait; above that the clock is halted until the daemon has caught up."""
_BACKLOG = re.compile(r"^driftwatch_backlog_texts\{[^}]*\} (\S+)", re.MULTILINE)
_WARM_UP = 1 / 6
"""Of the simulated time: encoders and models are loaded, burn-in ends, and the store fills up to its retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how fast, and with how much text.

    Args:
        hours: simulated.
        speed: simulated seconds a second.
        reference: texts of each reference.
    """

    hours: float
    speed: float
    reference: int

    def senders(self) -> tuple[Sender, ...]:
        """Return the traffic of every stream: together a hundred windows a real minute, with episodes of drift."""
        per_hour = WINDOWS_A_MINUTE * WINDOW / 4 * 3_600 / self.speed / 60
        day = self.hours / 24
        return (
            Sender(
                stream=MODELLED,
                per_hour=per_hour,
                episodes=(
                    Episode(begin=6 * day, end=15 * day, share=0.7, pool="drifted"),
                    Episode(begin=15 * day, end=24 * day, share=0.7, pool="later"),
                ),
            ),
            Sender(
                stream=LOGGED,
                per_hour=per_hour,
                episodes=tuple(
                    Episode(begin=at * day, end=(at + 1) * day, share=0.5, pool="drifted") for at in range(3, 24, 4)
                ),
            ),
            Sender(stream=GROUPED, per_hour=per_hour),
            Sender(stream=DRILLED, per_hour=per_hour),
        )


class Soak:
    """One soak.

    Args:
        plan: how long and how fast.
        place: the deployment.
        receiver: of its alerts.
    """

    def __init__(self, plan: Plan, place: Place, receiver: Receiver) -> None:
        self._plan = plan
        self._place = place
        self._receiver = receiver
        self._senders = plan.senders()
        self._log = Log(place.log)
        self._pools = pools()
        self.samples: list[Sample] = []

    def run(self) -> list[Row]:
        """Run the daemon for the simulated time and return what came of it."""
        clock = FastClock.start(self._place.folder / "clock", speed=self._plan.speed)
        log = (self._place.folder / "daemon.log").open("ab")
        arguments = [*command("run", clock.file, self._plan.speed), "--config", str(self._place.config)]
        with log, subprocess.Popen(arguments, stdout=log, stderr=log, env=ENVIRONMENT) as daemon:
            try:
                return self._with(daemon, clock)
            finally:
                daemon.terminate()

    def _with(self, daemon: subprocess.Popen[bytes], clock: FastClock) -> list[Row]:
        with httpx.Client(base_url=self._place.url, timeout=60) as client:
            return self._soaked(daemon, clock, client)

    def _soaked(self, daemon: subprocess.Popen[bytes], clock: FastClock, client: httpx.Client) -> list[Row]:
        self._await(client, daemon)
        began = time.monotonic()
        operator = Operator(self._place, daemon.pid, client)
        every = _SCRAPE_EVERY.total_seconds() / self._plan.speed
        with Scraper(self._place, every=every) as scraper:
            since = clock.now()
            self._day(daemon, clock, client, operator, scraper, since)
            busy = time.monotonic() - began
            clock.run_at(1.0)
            drained = self._drain(daemon, scraper)
            seconds = time.monotonic() - began
        metrics = Metrics(scraper.newest)
        prune = rhythm(self._plan.speed).prune.total_seconds()
        whole = float(self._plan.hours >= _WHOLE)  # in fewer hours there is not everything to be seen
        store = open_store(self._place.database, clock=clock, read_only=True)
        try:
            rows = [
                Row(measure="simulated hours", driftwatch=self._plan.hours),
                Row(measure="windows a real minute, until the last text", driftwatch=60 * self._windows(busy)),
                *judge.completeness(store, {each.stream: each.sent for each in self._senders}, window=WINDOW),
                at_most("seconds to assess what still waited", drained, _DRAIN.total_seconds()),
                *judge.soundness(metrics, {loop: int(seconds // prune) for loop in ("prune", "models")}),
                *judge.deliveries(store, self._received(), least=whole),
                at_least("retraining runs that ended", sum(run.state.final for run in store.runs.list()), whole),
                Row(measure="scrapes", driftwatch=float(len(scraper.seconds))),
                at_most("scrapes that failed", float(len(scraper.failures)), 0.0),
                at_most("scrape, ms, 99%", 1_000 * _quantile(scraper.seconds, 0.99), 1_000.0),
                Row(measure="pages looked at", driftwatch=float(operator.pages)),
                at_least("bad rules refused", float(operator.refusals), whole),
                at_most("oldest text over its retention, hours", self._overdue(clock), 1.5),
            ]
        finally:
            store.close()
        return [*rows, *judge.flatness([each for each in self.samples if each.hours >= self._plan.hours * _WARM_UP])]

    def _day(
        self,
        daemon: subprocess.Popen[bytes],
        clock: FastClock,
        client: httpx.Client,
        operator: Operator,
        scraper: Scraper,
        since: datetime,
    ) -> None:
        length = timedelta(hours=self._plan.hours)
        sampled = shown = 0.0
        while (elapsed := clock.now() - since) < length:
            self._send(client, elapsed, clock)
            clock.run_at(0.0 if self._behind(scraper) else self._plan.speed)
            operator.act(elapsed)
            hours = elapsed / timedelta(hours=1)
            if scraper.newest and time.monotonic() - sampled >= _SAMPLE_EVERY:
                sampled = time.monotonic()
                self._sample(daemon, scraper, hours)
            if self.samples and hours >= shown:
                shown += _SHOW_EVERY
                _show(self.samples[-1])
            _alive(daemon, self._place)
            time.sleep(_TICK)

    def _sample(self, daemon: subprocess.Popen[bytes], scraper: Scraper, hours: float) -> None:
        metrics = Metrics(scraper.newest)
        self.samples.append(look(self._place, daemon.pid, metrics, hours=hours, seconds=scraper.seconds[-1]))

    def _send(self, client: httpx.Client, elapsed: timedelta, clock: FastClock) -> None:
        for sender in self._senders:
            records = sender.due(elapsed, self._pools)
            if sender.stream == LOGGED:
                self._log.write(records, at=clock.now(), elapsed=elapsed)
            elif records:
                post(client, sender.stream, records)
                if sender.stream == MODELLED:
                    feedback(client, sender.sent)

    def _drain(self, daemon: subprocess.Popen[bytes], scraper: Scraper) -> float:
        """Wait until nothing that is due is left to assess or deliver, and no run goes on; return how long it took."""
        began = time.monotonic()
        limit = began + _DRAIN.total_seconds()
        wanted = sum(each.sent // WINDOW for each in self._senders)
        while time.monotonic() < limit:
            _alive(daemon, self._place)
            time.sleep(1)
            metrics = Metrics(scraper.newest)
            pending = metrics.total("driftwatch_outbox_deliveries", state="pending")
            if metrics.total("driftwatch_windows_total") >= wanted and not pending and not _working(metrics):
                break
        return time.monotonic() - began

    def _behind(self, scraper: Scraper) -> bool:
        """Say whether more windows wait than the daemon should have left."""
        found = _BACKLOG.findall(scraper.newest)
        return sum(float(each) for each in found) > _MOST_WAITING * WINDOW

    def _windows(self, seconds: float) -> float:
        return self.samples[-1].windows / seconds

    def _received(self) -> set[tuple[str, str]]:
        with self._receiver.arrived:
            return {(alert["key"], alert["status"]) for alert in self._receiver.alerts}

    def _overdue(self, clock: FastClock) -> float:
        """Return how many hours the oldest text is past its retention; a run under way may hold it longer."""
        with sqlite3.connect(f"file:{self._place.database}?mode=ro", uri=True) as database:
            (oldest,) = database.execute("SELECT min(taken_at) FROM texts").fetchone()
        return (clock.now().timestamp() - float(oldest) / 1e6) / 3_600 - AGE_HOURS

    def _await(self, client: httpx.Client, daemon: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _LONGEST_START
        while time.monotonic() < end:
            _alive(daemon, self._place)
            try:
                if client.get("/-/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_TICK)
        raise SystemExit(f"the daemon was not ready within {_LONGEST_START} s; see {self._place.folder}/daemon.log")


def _working(metrics: Metrics) -> bool:
    states = metrics.by("driftwatch_runs", "state")
    working = ("queued", "collecting", "probing", "training", "judging", "promoting")
    return any(states.get(state) for state in working)


def _alive(daemon: subprocess.Popen[bytes], place: Place) -> None:
    if daemon.poll() is not None:
        raise SystemExit(f"the daemon ended with code {daemon.returncode}; see {place.folder}/daemon.log")


def _show(sample: Sample) -> None:
    worker = sample.worker
    seen = f"{worker.resident:6.1f} MB, {worker.descriptors} fds, {worker.threads} threads" if worker else "none"
    print(
        f"{sample.hours:5.1f} h  {sample.windows:6.0f} windows, {sample.waiting:5.0f} texts wait | daemon "
        f"{sample.daemon.resident:6.1f} MB, {sample.daemon.descriptors} fds, {sample.daemon.threads} threads | worker "
        f"{seen} | database {sample.database:6.1f} + {sample.log:4.1f} MB | scrape {1_000 * sample.scrape:5.1f} ms",
        flush=True,
    )


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def main() -> int:
    """Soak, print the table, and say whether everything held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--hours", type=float, help="simulated (24; 2 with --quick)")
    parser.add_argument("--speed", type=float, default=SPEED, help="simulated seconds a second (%(default)g)")
    parser.add_argument("--quick", action="store_true", help="two hours: shows that everything runs, says little")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="write what was sampled there, one JSON a line")
    parser.add_argument("--folder", type=Path, help="keep everything there; made by this call")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # the daemon is ended too then
    hours = asked.hours or (2.0 if asked.quick else 24.0)
    plan = Plan(hours=hours, speed=asked.speed, reference=800 if asked.quick else 2_000)
    with tempfile.TemporaryDirectory(prefix="driftwatch-soak-") as folder, Receiver() as receiver:
        place = prepare(asked.folder or Path(folder) / "soak", receiver=receiver.url, reference=plan.reference)
        soak = Soak(plan, place, receiver)
        try:
            rows = soak.run()
        finally:
            if asked.samples:
                asked.samples.write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in soak.samples))
    print()
    print_table(rows)
    if asked.json:
        write_rows(asked.json, "soak", rows, quick=asked.quick)
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
