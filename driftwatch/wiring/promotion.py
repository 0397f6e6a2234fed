"""A new champion: version folder, reference, pointer, serving stack, ledger, in an order that a restart can finish."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.domain.errors import ConflictError, DataError, ModelError
from driftwatch.domain.features import Digest
from driftwatch.domain.run import RunState, Verdict, VerdictOutcome
from driftwatch.retrain.change import begin_change, change_alone, end_change
from driftwatch.retrain.promote import CARD, VersionManifest, add_version, read_manifest
from driftwatch.store import Champion
from driftwatch.wiring.analysis import extractor
from driftwatch.wiring.base import CLOCK
from driftwatch.wiring.outgoing import receivers
from driftwatch.wiring.serving import models_of, said, serve, settled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from driftwatch import rebase
    from driftwatch.config import Config, StreamSettings
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.run import Run
    from driftwatch.domain.text import Text
    from driftwatch.rebase import Rebased
    from driftwatch.retrain.reload import ReloadReport
    from driftwatch.store import Store

log = structlog.get_logger()

RELOAD = "reload"
"""Name of the verdict on whether the serving stack serves the candidate."""


def promote(  # noqa: PLR0913 - a promotion has this many sides, each named by its caller
    config: Config,
    store: Store,
    run: Run,
    *,
    candidate: Path,
    fresh: Sequence[Text],
    heldout: Sequence[Text],
    memory: Sequence[Text],
    card: Path | None = None,
    clock: Clock = CLOCK,
) -> None:
    """Make a run's candidate serve, or put the old model back where the serving stack does not take it.

    Done again after a crash anywhere in here, it comes to the same end: a refusal of the serving stack is a verdict
    in the store before the first step back, so that the refused model is not tried again.

    Args:
        config: as loaded.
        store: the ledger.
        run: in state ``promoting``, its candidate named.
        candidate: folder of the model.
        fresh: texts it was trained on.
        heldout: fresh texts it never saw.
        memory: older texts it should still know.
        card: its data card, copied beside the model; None for the one in the run's folder, if there is one.
        clock: when it serves.

    Raises:
        DriftwatchError: the candidate or its reference cannot be used; the old model serves on.
    """
    from driftwatch import rebase

    stream, settings = run.spec.stream, config.streams[run.spec.stream]
    models = models_of(config, stream)
    with change_alone(models, patience=2 * settings.reload.longest):
        _check_parent(store, run)
        refusal = _refusal(run)
        if refusal is None:
            folder = _version(run, candidate, models, card or _card(config, run), at=clock.now())
            made = _rebase(
                config,
                settings,
                folder,
                rebase.Ingredients(texts=fresh, heldout=heldout, memory=memory),
                old=run.spec.reference,
                at=clock.now(),
            )
            begin_change(models)
            report = serve(config, store, stream, folder.name)
            if report.refused is None:
                _record(config, store, run, folder, made, report, at=clock.now())
                end_change(models)
                return
            refusal = f"the serving stack does not serve model {folder.name}: {report.refused}"
            verdict = Verdict(gate=RELOAD, round=run.round, outcome=VerdictOutcome.REFUSED, detail=refusal)
            store.runs.add_verdict(run.spec.id, verdict)
        _put_back(config, store, run, refusal, clock=clock)


def _check_parent(store: Store, run: Run) -> None:
    """Refuse a candidate that was judged against a model that no longer serves."""
    serving = store.registry.champion(run.spec.stream)
    if run.candidate is None:
        raise ConflictError(f"run {run.spec.id} names no candidate", cure="cancel it and ask for another run")
    if serving is not None and serving.version not in (run.spec.champion, run.candidate):
        raise ModelError(
            f"the candidate was judged against model {run.spec.champion}, and {serving.version} serves since",
            cure="let the rule ask for another run",
        )


def _refusal(run: Run) -> str | None:
    """Return why the serving stack refused the candidate in an earlier attempt that did not end."""
    return next((v.detail for v in run.verdicts if v.gate == RELOAD and v.outcome is VerdictOutcome.REFUSED), None)


def _version(run: Run, candidate: Path, models: Path, card: Path | None, *, at: datetime) -> Path:
    from driftwatch.features.model import model_digest

    digest = model_digest(candidate) if candidate.is_dir() else ""
    if digest and not digest.removeprefix("sha256:").startswith(str(run.candidate).removeprefix("m")):
        raise ModelError(
            f"the candidate is not the model {run.candidate} that was judged",
            where=str(candidate),
            cure="let the rule ask for another run, and check the disk",
        )
    manifest = VersionManifest(
        version=str(run.candidate),
        parent=run.spec.champion,
        run=run.spec.id,
        created_at=at,
        digest=digest,
        recipe=run.spec.recipe,
        verdicts=run.verdicts,
    )
    return add_version(candidate, models, manifest, card=card)


def _card(config: Config, run: Run) -> Path | None:
    file = config.state_dir / "runs" / run.spec.id / "data" / CARD
    return file if file.is_file() else None


def _record(
    config: Config, store: Store, run: Run, folder: Path, made: Rebased, report: ReloadReport, *, at: datetime
) -> None:
    """Note in one transaction that the candidate serves, with its reference, and is watched from now on."""
    spec, version = run.spec, folder.name
    to = RunState.PROBATION if spec.probation.windows > 0 else RunState.KEPT
    reason = f"model {version} serves, compared with reference {made.row.version}" + said(report)
    store.registry.set_champion(
        Champion(
            stream=spec.stream,
            version=version,
            path=str(folder.resolve()),
            digest=Digest(read_manifest(folder).digest),
            at=at,
            run=spec.id,
            previous=spec.champion,
            reference=made.row.version,
        ),
        reference=made.row,
        run=spec.id,
        to=to,
        reason=reason,
        alerts=messages.for_transition(run, to=to, reason=reason, at=at),
        receivers=receivers(config),
    )


def _put_back(config: Config, store: Store, run: Run, refusal: str, *, clock: Clock) -> None:
    stream, to = run.spec.stream, RunState.ROLLED_BACK
    models = models_of(config, stream)
    begin_change(models)
    report = serve(config, store, stream, run.spec.champion)
    reason = refusal + said(report)
    log.warning("promotion_undone", run=run.spec.id, stream=stream, reason=reason)
    store.runs.move(
        run.spec.id,
        to=to,
        reason=reason,
        alerts=messages.for_transition(run, to=to, reason=reason, at=clock.now()),
        receivers=receivers(config),
    )
    settled(models, report)


def _rebase(
    config: Config,
    settings: StreamSettings,
    champion: Path,
    fresh: rebase.Ingredients,
    *,
    old: str,
    at: datetime,
) -> Rebased:
    """Make the new champion's reference of the fresh texts; with too few of them, of the old reference's texts."""
    from driftwatch import rebase
    from driftwatch.drift.archive import load_reference

    references = config.state_dir / "references" / settings.name
    extract = extractor(config, settings, champion=champion).features

    def make(ingredients: rebase.Ingredients) -> Rebased:
        return rebase.make(
            ingredients,
            stream=settings.name,
            seed=settings.reference.seed,
            sample=settings.reference.sample,
            extract=extract,
            folder=references,
            at=at,
        )

    try:
        return make(replace(fresh, others=_known(references / old)))
    except DataError as error:
        log.info("reference_kept", stream=settings.name, reason=error.what)
        kept = load_reference(references / old)
        texts = (*kept.train.texts, *kept.cal.texts)
        memory = (*kept.memory, *fresh.heldout)
        return make(rebase.Ingredients(texts=texts, heldout=kept.heldout.texts, memory=memory, others=kept.others))


def _known(reference: Path) -> npt.NDArray[np.uint32] | None:
    """Return what the new champion still knows of the old one's reference: it may say "thanks" as often as before."""
    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.evidence.known import Known

    try:
        return Known(load_reference(reference)).bodies
    except DataError as error:
        log.info("old_reference_unread", reference=reference.name, reason=error.what)
        return None
