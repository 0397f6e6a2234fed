"""Everything that is exported, as immutable values: made by one thread, rendered by another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from driftwatch.domain.run import GateMeasure
    from driftwatch.metrics.histogram import HistogramFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureFigures:
    """A measure of the last window, with its null band where known."""

    value: float
    null_low: float | None = None
    null_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFigures:
    """What a detector said of the last window: its score, from where on that says drift, its p-value."""

    score: float | None = None
    limit: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFigures:
    """How a word moved, without the word: shares of texts in the window and the reference, standard score."""

    share: float
    reference_share: float
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFigures:
    """The last assessed window of a stream.

    Args:
        index: its number.
        texts: number of texts.
        distinct: number of distinct bodies.
        ended_at: latest ``seen_at`` of its texts.
        measures: by name.
        detectors: that measured something, by name.
        banks: log10 of the evidence of each bank's strongest channel, where an alarm was raised.
        words: that rose and fell most, by direction and rank, without the words.
        state: stable, benign-drift, harmful-drift or silent-decay; None where no evidence was gathered.
        onset_at: estimated begin of the drift whose alarm is in force.
        budget_texts: the false-alarm budget at the rate of its time: on average at least so many texts between two.
    """

    texts: int
    distinct: int
    ended_at: datetime
    measures: Mapping[str, MeasureFigures]
    index: int = 0
    detectors: Mapping[str, DetectorFigures] = field(default_factory=dict)
    banks: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[tuple[str, str], WordFigures] = field(default_factory=dict)
    state: str | None = None
    onset_at: datetime | None = None
    budget_texts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFigures:
    """Whether the detector keeps a false-alarm budget, counted since the reference came into force.

    Args:
        texts: of the shadow stream, which cannot drift.
        alarms: on the shadow stream.
        marked: alarms on the stream itself that a person marked false.
        budget_texts: the shadow's own: at least so many texts between two alarms; None where it has not begun.
    """

    texts: float = 0.0
    alarms: float = 0.0
    marked: float = 0.0
    budget_texts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFigures:
    """How a drill went: how often it was missed, and the delay when it last was detected."""

    missed: float = 0.0
    delay_texts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """Where a rule stands: whether its condition holds now, when it last acted, and windows it could not judge."""

    holding: bool = False
    fired_at: datetime | None = None
    unjudged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseFigures:
    """A pause in force: since when, however often it was prolonged, and until when."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncreaseFigures:
    """The loss of a model in probation over its predecessor's on the same texts, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasFigures:
    """How a category changed from champion to candidate by the bias gate, its interval, and the most allowed."""

    change: float
    low: float
    high: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFigures:
    """By how much more ill words stand near a group's name in new texts than in the reference, log odds, interval."""

    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """The stream's run that has not ended yet.

    Args:
        created_at: when it was asked for.
        moved_at: when it last changed its state.
        round: the round it is in.
        progress: share of the present stage that is done, 0 to 1.
        increase: of the loss over the predecessor's, with its interval, in its probation; None before a comparison.
    """

    created_at: datetime
    moved_at: datetime
    round: int
    progress: float
    increase: IncreaseFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """A gate's newest word on a candidate: passed, refused or not-shown (None before any), and its measures by name."""

    outcome: str | None = None
    measures: Mapping[str, GateMeasure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalFigures:
    """How often runs came into a state, when last, and which run that was."""

    count: int = 0
    at: datetime | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFigures:
    """The runs of a stream.

    Args:
        states: number of runs by the state they are in.
        arrivals: into each state.
        run: the run that has not ended; None where none goes on.
        ended_after: seconds from asking to the end, of the newest that ended.
        training_seconds: of all of them, their probes included.
        device_seconds: training_seconds, each run's times its devices.
        bias: what the bias gate last measured, by category; nothing before a candidate was judged.
        gates: what each gate last said.
        associations: what the data check last measured, by (group, lexicon); nothing before a run looked.
        spoken_ill: groups of which it says that the new texts speak ill of them more; None before a run looked.
    """

    states: Mapping[str, int] = field(default_factory=dict)
    arrivals: Mapping[str, ArrivalFigures] = field(default_factory=dict)
    run: RunFigures | None = None
    ended_after: float | None = None
    training_seconds: float = 0.0
    device_seconds: float = 0.0
    bias: Mapping[str, BiasFigures] = field(default_factory=dict)
    gates: Mapping[str, GateFigures] = field(default_factory=dict)
    associations: Mapping[tuple[str, str], AssociationFigures] = field(default_factory=dict)
    spoken_ill: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFigures:
    """What the daemon saw of a stream since its start.

    Args:
        results: attempts to assess a window, by how they ended.
        lengths: of the texts taken in, characters.
        durations: of the attempts, seconds; an exemplar names its window.
    """

    results: Mapping[str, int]
    lengths: HistogramFigures
    durations: HistogramFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsFigures:
    """Decisions of a rule and action: how many, and the number of the newest (None before any)."""

    count: int = 0
    newest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFigures:
    """One stream.

    Args:
        name: its name.
        texts: texts that came in, by (source, outcome), since the store was made.
        last_text_at: when the last text was taken in; None before the first.
        feedback: pieces of feedback that came in, by outcome, since the store was made.
        backlog: stored texts not assessed yet.
        windows: number of windows by outcome.
        last: the newest window; None before the first.
        alarms: drift alarms that began while the daemon ran.
        audit: of the false-alarm budget.
        drills: by name.
        rules: by name.
        pauses: in force, by rule; ``*`` for every rule of the stream.
        decisions: by (rule, action).
        runs: retraining.
        observed: since the daemon started; None where nobody watches.
        in_order: whether its windows can be assessed.
        champion_at: since when the champion serves; None without a model.
        reference_at: when the reference in force was built; None before the first.
        reference_texts: its number of texts.
    """

    name: str
    texts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_text_at: datetime | None = None
    feedback: Mapping[str, int] = field(default_factory=dict)
    backlog: int = 0
    windows: Mapping[str, int] = field(default_factory=dict)
    last: WindowFigures | None = None
    alarms: int = 0
    audit: AuditFigures = AuditFigures()
    drills: Mapping[str, DrillFigures] = field(default_factory=dict)
    rules: Mapping[str, RuleFigures] = field(default_factory=dict)
    pauses: Mapping[str, PauseFigures] = field(default_factory=dict)
    decisions: Mapping[tuple[str, str], DecisionsFigures] = field(default_factory=dict)
    runs: RunsFigures = RunsFigures()
    observed: ObservedFigures | None = None
    in_order: bool = True
    champion_at: datetime | None = None
    reference_at: datetime | None = None
    reference_texts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFigures:
    """Deliveries by (receiver, state), and since when the oldest pending one waits."""

    deliveries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oldest_pending_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFigures:
    """The watcher of the policy files: whether it is told of changes at once, and when it last looked."""

    up: bool
    looked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonFigures:
    """What only the daemon knows of itself.

    Args:
        version: of driftwatch.
        started_at: when the daemon started.
        ready: whether it takes in and assesses texts.
        leads: whether it is the one of several daemons on a store that assesses them.
        agrees: whether it is configured as that one is.
        heartbeats: when each loop last came round; None before its first round.
        patience: how long each loop may go without coming round.
        loop_failures: rounds that ended in an error, by loop.
        loop_rounds: rounds that came to an end, by loop.
        loop_misses: rounds left out since the one before still went on, by loop.
        loop_delays: how late the newest round of each loop began.
        troubled: streams whose windows cannot be assessed.
        backlog_limit: texts not assessed yet at which a stream takes no more over HTTP.
        worker_up: whether the analysis worker runs.
        worker_restarts: times the analysis worker had to be started again.
        reload_ok: whether the last reload (or the start) took the files as they are.
        reloaded_at: when the configuration in force was loaded.
        loads: of the policies, by (how asked, outcome).
        load_tried_at: when they last were to be loaded, whatever came of it.
        watch: how the watcher of the files is; None where they are not watched.
    """

    version: str
    started_at: datetime
    ready: bool
    leads: bool = True
    agrees: bool = True
    heartbeats: Mapping[str, datetime | None]
    loop_failures: Mapping[str, int]
    patience: Mapping[str, timedelta] = field(default_factory=dict)
    loop_rounds: Mapping[str, int] = field(default_factory=dict)
    loop_misses: Mapping[str, int] = field(default_factory=dict)
    loop_delays: Mapping[str, timedelta] = field(default_factory=dict)
    troubled: frozenset[str] = frozenset()
    backlog_limit: int | None = None
    worker_up: bool
    worker_restarts: int
    reload_ok: bool
    reloaded_at: datetime
    loads: Mapping[tuple[str, str], int]
    load_tried_at: datetime
    watch: WatchFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is exported, as it was at one moment."""

    at: datetime
    daemon: DaemonFigures
    streams: tuple[StreamFigures, ...]
    outbox: OutboxFigures
    store_bytes: int
