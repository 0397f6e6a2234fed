"""What the rooms promise each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from driftwatch.domain.alert import Alert
from driftwatch.domain.drift import DriftResult, Reference, Window
from driftwatch.domain.features import (
    ClassShares,
    Digest,
    Embeddings,
    PairScores,
    TextLosses,
    TokenCounts,
    Unreadable,
)
from driftwatch.domain.run import RunId, RunSpec, Verdict
from driftwatch.domain.text import Cursor, Page, Text


class Clock(Protocol):
    """Where the time comes from; tests bring their own."""

    def now(self) -> datetime:
        """Return the present moment, timezone-aware UTC."""
        ...


class Source(Protocol):
    """Where texts come from."""

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor, without waiting for more."""
        ...


@runtime_checkable
class AcknowledgedSource(Source, Protocol):
    """A source that keeps by itself how far it was read, such as a broker's consumer group.

    Until a page is acknowledged, ``read`` gives the same texts again.
    """

    def acknowledge(self, cursor: Cursor) -> None:
        """Note that a page's texts are durable; called after the commit with the page's cursor."""
        ...


@runtime_checkable
class ClosedSource(Source, Protocol):
    """A source with connections."""

    def close(self) -> None:
        """Let go of them."""
        ...


@runtime_checkable
class TroubledSource(Source, Protocol):
    """A source that may fail for a while, and remembers by what."""

    @property
    def trouble(self) -> str | None:
        """What, where and how to cure it, until it can be read again; None while it can."""
        ...


class Encoder(Protocol):
    """Turns texts into embeddings."""

    @property
    def digest(self) -> Digest:
        """Identity: equal digests give equal embeddings."""
        ...

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows, one per body."""
        ...


class TokenCounter(Protocol):
    """Counts the champion's tokens."""

    @property
    def digest(self) -> Digest:
        """Identity of the tokenizer."""
        ...

    def count(self, bodies: Sequence[str]) -> TokenCounts:
        """Return exact token counts, one row per body, without special tokens."""
        ...


class Model(Protocol):
    """A model that can score texts."""

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        ...

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's summed cross-entropy in nats and its number of predicted tokens."""
        ...

    def score(self, texts: Sequence[Text]) -> TextLosses:
        """Return each text's, by its class or its chat's replies where the model is one for these; else its body's."""
        ...

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        """Say of each body why it cannot be scored as it is written; None where it can."""
        ...

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        """Say of each pair why its sentences cannot be scored as they are written, or not be compared; None else."""
        ...

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        """Return how differently the model takes the two sentences of each pair."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """A causal language model: says how likely a sentence is as a whole, and writes."""

    def sentence_losses(self, sentences: Sequence[str]) -> TextLosses:
        """Return each sentence's as ``losses`` does; what begins alike is computed once."""
        ...

    def write(self, prompts: Sequence[str], *, each: int, tokens: int, seed: int) -> list[list[str]]:
        """Return ``each`` sampled continuations of every prompt, at most ``tokens`` long."""
        ...


@runtime_checkable
class BlankModel(Protocol):
    """A masked language model: says how likely the words that fill a blank are."""

    def filling_losses(self, filled: Sequence[tuple[str, str, str]]) -> TextLosses:
        """Return the cross-entropy in nats of the words between what stands before and after them."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """A model that puts texts into classes."""

    def class_shares(self, bodies: Sequence[str]) -> ClassShares:
        """Return the probability of every class for each body."""
        ...


class Monitor(Protocol):
    """A detector fitted to a reference, with its running state."""

    def update(self, window: Window) -> DriftResult:
        """Measure one window."""
        ...

    def state(self) -> bytes:
        """Return what a restart needs to go on as if it had never stopped; never a pickle."""
        ...


class Detector(Protocol):
    """A recipe for measuring drift."""

    @property
    def name(self) -> str:
        """Name in results, metrics and configuration."""
        ...

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> Monitor:
        """Return a monitor for this reference, restarted from ``state`` where given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """What a launcher knows of a run's process."""

    running: bool
    detail: str = ""


class Launcher(Protocol):
    """Starts jobs; ``launch`` is idempotent per run id."""

    def launch(self, spec: RunSpec) -> None:
        """Make sure that one job process works on the run; a no-op while one does."""
        ...

    def poll(self, run: RunId) -> JobStatus:
        """Say whether a job process is at work on the run."""
        ...

    def cancel(self, run: RunId, *, grace: timedelta) -> None:
        """Ask the job to stop, kill it after ``grace``; a no-op where none runs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GateData:
    """Texts that neither training nor selection has seen.

    Args:
        fresh: held-out texts of the new kind.
        reference: held-out texts of what the champion knew.
    """

    fresh: tuple[Text, ...]
    reference: tuple[Text, ...]


class Gate(Protocol):
    """A required check of a candidate."""

    @property
    def name(self) -> str:
        """Name in verdicts, policies and metrics."""
        ...

    def judge(self, candidate: Model, champion: Model, data: GateData, *, round: int) -> Verdict:
        """Compare the two; raise only what makes the run fail."""
        ...


class Notifier(Protocol):
    """Delivers alerts."""

    @property
    def name(self) -> str:
        """Receiver's name in configuration and metrics."""
        ...

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Deliver all or raise ``NotifyError(retryable=…)``."""
        ...
