"""Deletes a group's texts everywhere: store, feedback, runs' data, references, reports, exemplars."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.errors import ConflictError
from driftwatch.domain.run import RunState
from driftwatch.retrain.change import change_alone
from driftwatch.wiring.base import CLOCK
from driftwatch.wiring.serving import models_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftwatch.config import Config
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run
    from driftwatch.store import ReferenceRow, Store
    from driftwatch.store.forgetting import Forgotten

_PATIENCE = timedelta(seconds=5)
_MOST_RUNS = 1_000_000
_FIRST = 40  # characters by which an exemplar, which is shortened, is known again


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What was deleted where.

    Args:
        stream: whose texts.
        texts: of the store.
        feedback: on them.
        windows: whose exemplars were taken out.
        runs: whose data held some, with how many.
        references: made anew without them, old version to new.
        reports: files that were deleted.
        models: versions that learnt from them and stay as they are.
    """

    stream: str
    texts: int
    feedback: int
    windows: tuple[int, ...]
    runs: dict[str, int]
    references: dict[str, str]
    reports: int
    models: tuple[str, ...]


def forget(
    config: Config, store: Store, stream: str, group: str, *, who: str, because: str, older: bool
) -> ForgetReport:
    """Delete a group's texts and what repeats them; done again, it ends what was begun.

    Args:
        config: of the stream.
        store: with the texts.
        stream: whose texts.
        group: of the texts.
        who: asks, for the audit log.
        because: why.
        older: also take out the exemplars of windows whose texts are no longer in the store, since nobody can say any
            more whose they were.

    Raises:
        ConflictError: a run under way works on such texts, or a promotion is under way.
    """
    from driftwatch.retrain.collect.forget import group_texts

    with change_alone(models_of(config, stream), patience=_PATIENCE):
        runs = store.runs.list(stream=stream, limit=_MOST_RUNS)
        _refuse_work(config, runs, group)
        held = store.forgetting.held(stream, group)
        in_runs = [text for run in runs for text in group_texts(_data(config, run), group)]
        bodies, replaced = _references(config, store, stream, group, {*held.bodies, *(text.body for text in in_runs)})
        ids = {*held.ids, *(text.id for text in in_runs)}
        cleaned = {str(run.spec.id): count for run in runs if (count := _clean_run(config, run, group, ids))}
        reports = _delete_reports(config, stream) if bodies else 0
        done = store.forgetting.forget(
            stream,
            group,
            repeats=_repeats(held.seqs, bodies, before=_oldest(store, stream) if older else 0),
            references=replaced,
            entry=lambda found: _entry(stream, group, found, cleaned, replaced, who=who, because=because),
        )
        _delete_replaced(config, store, stream, group, replaced)
        # A job that took its texts up since the first look has them on disk by now.
        _refuse_work(config, store.runs.list(stream=stream, limit=_MOST_RUNS), group)
    return ForgetReport(
        stream=stream,
        texts=done.texts,
        feedback=done.feedback,
        windows=done.windows,
        runs=cleaned,
        references={old: row.version for old, row in replaced.items()},
        reports=reports,
        models=_learnt(config, stream, cleaned),
    )


def _repeats(seqs: Sequence[int], bodies: Iterable[str], *, before: int) -> Callable[[WindowResult], bool]:
    """Return whether a window's exemplars may be of the texts: it had some of them, or one begins as they do."""
    beginnings = {_beginning(body) for body in bodies}

    def repeats(result: WindowResult) -> bool:
        shown = (*result.exemplars, *(each for cluster in result.clusters for each in cluster.exemplars))
        first = bisect_left(seqs, result.first_seq)
        had = first < len(seqs) and seqs[first] <= result.last_seq
        return had or result.last_seq < before or any(_beginning(each) in beginnings for each in shown)

    return repeats


def _beginning(body: str) -> str:
    return " ".join(body.split())[:_FIRST].rstrip("…")


def _data(config: Config, run: Run) -> Path:
    return config.state_dir / "runs" / run.spec.id / "data"


def _refuse_work(config: Config, runs: Iterable[Run], group: str) -> None:
    from driftwatch.retrain.collect.forget import group_texts

    for run in runs:
        busy = run.state.working and run.state is not RunState.QUEUED
        waits = run.state is RunState.AWAITING_APPROVAL
        if not (busy or waits):
            continue
        if run.state is RunState.COLLECTING or group_texts(_data(config, run), group):
            raise ConflictError(
                f"run {run.spec.id} ({run.state.value}) works on texts of this group, or may",
                cure=f"driftwatch runs cancel {run.spec.id}, or wait for its end; then give this command again",
            )


def _references(
    config: Config, store: Store, stream: str, group: str, bodies: set[str]
) -> tuple[set[str], dict[str, ReferenceRow]]:
    """Return the group's bodies, those of references too, and what takes the place of each reference with some."""
    from driftwatch.drift.archive import load_reference, save_reference
    from driftwatch.drift.forget import reference_texts, without_group

    folder = config.state_dir / "references" / stream
    rows = [row for row in store.registry.references(stream) if Path(row.path).is_dir()]
    for row in rows:
        bodies |= {text.body for text in reference_texts(load_reference(Path(row.path)), group)}
    replaced = {}
    for row in rows:
        left = without_group(load_reference(Path(row.path)), group, bodies=bodies)
        if left is not None:
            saved = save_reference(left, folder)
            texts = len(saved.train.texts) + len(saved.cal.texts)
            replaced[row.version] = replace(row, version=saved.version, path=str(folder / saved.version), texts=texts)
    return bodies, replaced


def _delete_replaced(
    config: Config, store: Store, stream: str, group: str, replaced: Mapping[str, ReferenceRow]
) -> None:
    """Delete the references that others took the place of, those of an attempt that did not end included."""
    from driftwatch.drift.archive import load_reference
    from driftwatch.drift.forget import reference_texts

    folder = config.state_dir / "references" / stream
    registered = {row.version for row in store.registry.references(stream)}
    for each in folder.glob("r*") if folder.is_dir() else ():
        old = each.name in replaced or bool(reference_texts(load_reference(each), group))
        if each.name not in registered and old:
            shutil.rmtree(each)


def _clean_run(config: Config, run: Run, group: str, ids: set[str]) -> int:
    """Take the texts out of a run's data, its page and the card beside its model; return how many there were."""
    from driftwatch.retrain.collect.forget import forget_group, forget_in_card, group_texts
    from driftwatch.retrain.collect.page import card_section
    from driftwatch.retrain.folders import write_whole
    from driftwatch.retrain.promote import forget_card
    from driftwatch.retrain.report import CARD_PAGE

    data = _data(config, run)
    count = len(group_texts(data, group))
    if count and run.candidate is not None:
        forget_card(models_of(config, run.spec.stream) / run.candidate, lambda file: forget_in_card(file, ids))
    card = forget_group(data, group, ids=ids)
    page = data.parent / CARD_PAGE
    if card is not None and page.exists():
        write_whole(page, card_section(card).encode())
    return count


def _oldest(store: Store, stream: str) -> int:
    """Return the place of the oldest text that is still there; beyond every window where none is."""
    first = next(iter(store.texts.window(stream, after_seq=-1, limit=1)), None)
    return first.seq if first is not None else 2**62


def _delete_reports(config: Config, stream: str) -> int:
    """Delete every report of the stream's windows, which show texts; driftwatch report makes them again."""
    files = list((config.state_dir / "reports" / stream).glob("*.html"))
    for file in files:
        file.unlink()
    return len(files)


def _learnt(config: Config, stream: str, runs: dict[str, int]) -> tuple[str, ...]:
    """Return the model versions on disk that runs with such texts made: what was learnt stays in their weights."""
    from driftwatch.domain.errors import DriftwatchError
    from driftwatch.retrain.promote import read_manifest

    models, found = models_of(config, stream), []
    for folder in sorted(models.iterdir()):
        if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith("."):
            try:
                manifest = read_manifest(folder)
            except DriftwatchError:
                continue
            if manifest.run in runs:
                found.append(manifest.version)
    return tuple(found)


def _entry(
    stream: str,
    group: str,
    found: Forgotten,
    runs: dict[str, int],
    references: dict[str, ReferenceRow],
    *,
    who: str,
    because: str,
) -> AuditEntry:
    """Return the entry of the audit log: it names the group by a digest, for its name may be a person's."""
    detail = {
        "group": sha256(group.encode()).hexdigest()[:16],
        "texts": str(found.texts),
        "feedback": str(found.feedback),
        "windows": str(len(found.windows)),
        "runs": ", ".join(runs),
        "references": ", ".join(f"{old} -> {row.version}" for old, row in references.items()),
        "because": because,
    }
    given = {name: value for name, value in detail.items() if value}
    return AuditEntry(at=CLOCK.now(), who=who, what="texts-forgotten", subject=stream, detail=given)
