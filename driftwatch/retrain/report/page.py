"""The page of a run, from its state machine, its verdicts and what it left in its folder."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.run import RunState
from driftwatch.paper.frame import document, lasting, moment, path, safe, section, table
from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.report import charts
from driftwatch.retrain.report.trail import Trail, read_trail
from driftwatch.retrain.report.verdicts import full_sentence, judgement

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.run import Run
    from driftwatch.retrain.merge.curve import MergeCurve
    from driftwatch.retrain.probe.record import Prediction, ProbePoint

PAGE = "report.html"
"""Name of the page in a run's folder."""

_TONES = {
    RunState.KEPT: "good",
    RunState.PROBATION: "good",
    RunState.AWAITING_APPROVAL: "warn",
    RunState.ROLLED_BACK: "warn",
    RunState.REJECTED: "bad",
    RunState.FAILED: "bad",
}
_MINUTE = timedelta(minutes=1)
_PROBE_NOTE = (
    "A short training on a small part of the data; its gain at first order, which leaves out how a new optimiser's "
    "first steps shake a model, is carried on as a power of the tokens. The run is declined where the whole interval "
    "lies below what it is worth."
)
_MERGE_NOTE = (
    "Weights between the champion and the fine-tuned model, measured on the texts for choosing, with 95% intervals. "
    "Chosen is the best gain whose forgetting stays below its limit by twice the half-width of its interval."
)


def run_page(run: Run, trail: Trail, *, base: str = "") -> str:
    """Return a self-contained HTML page without scripts; all text of users is escaped.

    Args:
        run: as the store knows it.
        trail: what it left in its folder.
        base: where the daemon's pages are; empty on those pages themselves.
    """
    tone = _TONES.get(run.state, "idle")
    why = run.transitions[-1].reason if run.transitions else ""
    return document(
        f"Run {run.spec.id}: {run.state.value}",
        f'<header><p class="sub">Stream <bdi>{safe(run.spec.stream)}</bdi> \u00b7 {_origin(run, base)}</p>'
        f'<span class="badge {tone}">{run.state.value}</span><h1>Run <bdi>{safe(run.spec.id)}</bdi></h1>'
        f'<div class="lead"><p>{safe(full_sentence(why))}</p></div>{_facts(run)}</header>'
        f"{section('Stage by stage', _stages(run))}"
        f"{trail.card}{_probe(trail.prediction)}"
        f"{''.join(_round(run, trail, number) for number in sorted({*trail.losses, *trail.curves}))}"
        f"{judgement(run)}{trail.bias}",
    )


def write_report(run: Run, folder: Path) -> None:
    """Write the page into the run's folder, whole or not at all."""
    write_whole(folder / PAGE, run_page(run, read_trail(folder)).encode())


def _origin(run: Run, base: str) -> str:
    spec = run.spec
    window = f"{base}{path('streams', spec.stream, 'windows', str(spec.window))}"
    return f'asked for by rule <bdi>{safe(spec.rule)}</bdi> on <a href="{safe(window)}">window {spec.window}</a>'


def _facts(run: Run) -> str:
    spec = run.spec
    hours = run.training_hours
    allowed = f"of {spec.max_hours:g} h allowed" if spec.max_hours is not None else "without a limit"
    candidate = f"candidate {safe(run.candidate)}" if run.candidate else "no candidate yet"
    shown = (
        ("Recipe", safe(spec.recipe.name), f"{safe(spec.recipe.method)}, {spec.recipe.replay:.0%} replayed"),
        ("From model", safe(spec.champion), candidate),
        ("Round", f"{run.round} of {spec.rounds}", "a person approves" if spec.approve else "promoted by itself"),
        ("Training", _hours(hours), allowed),
    )
    items = "".join(
        f"<div><dt>{name}</dt><dd><b>{what}</b><span>{more}</span></dd></div>" for name, what, more in shown
    )
    return f'<dl class="facts">{items}</dl>'


def _hours(hours: float) -> str:
    minutes = hours * 60
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    return f"{minutes:.0f} min" if hours < 1 else f"{hours:.1f} h"


def _stages(run: Run) -> str:
    ends = [*(moved.at for moved in run.transitions[1:]), None]
    rows = (
        (
            moment(moved.at),
            moved.state.value,
            _took(end - moved.at) if end is not None else "",
            safe(full_sentence(moved.reason)),
        )
        for moved, end in zip(run.transitions, ends, strict=True)
    )
    return table(("Time", "State", "Took", "Why"), rows, kind="stack stages")


def _took(length: timedelta) -> str:
    return lasting(length) if length >= _MINUTE else f"{length.total_seconds():.0f} s"


def _probe(prediction: Prediction | None) -> str:
    if prediction is None:
        return ""
    said = f"<p>{safe(full_sentence(prediction.words()))}</p>"
    if prediction.trained is None:
        return section("Probe: is it worth it?", said, note=_PROBE_NOTE)
    tokens, share = prediction.trained.tokens, prediction.trained.tokens / prediction.full_tokens
    rows = (
        (name, f"{each.gain:+.4f}<small>{each.low:+.4f} to {each.high:+.4f}</small>", _against(each, prediction.worth))
        for name, each in (
            (f"{tokens:,} tokens<small>{share:.1%} of the run</small>", prediction.trained),
            (f"{prediction.full_tokens:,.0f} tokens<small>the whole run, foretold</small>", prediction),
        )
    )
    heads = ("Trained on", f"#Gain, {prediction.unit}, 90% interval", "Against its worth")
    return section("Probe: is it worth it?", said + table(heads, rows, kind="stack"), note=_PROBE_NOTE)


def _against(found: Prediction | ProbePoint, worth: float) -> str:
    return charts.interval(found.gain, found.low, found.high, limit=worth, least=True)


def _round(run: Run, trail: Trail, number: int) -> str:
    steps, curve = trail.losses.get(number, ()), trail.curves.get(number)
    unit = _unit(trail, curve)
    loss = f"<h3>Training loss, {unit}</h3>{charts.training(steps, unit=unit)}" if steps else ""
    merged = _merge(curve) if curve is not None else ""
    return section(f"Round {number} of {run.spec.rounds}", loss + merged)


def _unit(trail: Trail, curve: MergeCurve | None) -> str:
    """Return what the model's loss is in, as soon as something of the run has said so."""
    if curve is not None:
        return curve.taken.unit
    return trail.prediction.unit if trail.prediction is not None and trail.prediction.trained is not None else "nats"


def _merge(curve: MergeCurve) -> str:
    return (
        f'<div class="verdict"><h3>Merge with the champion</h3><p>{safe(full_sentence(curve.reason))}</p>'
        f'<p class="note">{_MERGE_NOTE}</p>{charts.merge(curve)}</div>'
    )
