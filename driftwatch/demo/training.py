"""The demos' champion and its texts, put into their folder while a bar shows how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from driftwatch.demo import workspace
from driftwatch.demo.champion import train_champion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from driftwatch.demo.workspace import Workspace
    from driftwatch.domain.run import Progress as TrainingProgress


def train(space: Workspace, console: Console, *, training: Sequence[str], heldout: Sequence[str]) -> None:
    """Write training and held-out texts to the folder and train its champion."""
    workspace.write_texts(space.folder / "training.jsonl", training)
    workspace.write_texts(space.folder / "heldout.jsonl", heldout)
    with bar(console) as shown:
        task = shown.add_task("training", total=None, figures="")

        def on_progress(now: TrainingProgress) -> None:
            shown.update(task, completed=now.done, total=now.total, figures=f"loss {now.figures['loss']:.2f}")

        train_champion(training, space.folder / "champion", scratch=space.folder / "scratch", on_progress=on_progress)


def bar(console: Console) -> Progress:
    """Return a bar for something that trains."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TextColumn("{task.fields[figures]}"), TimeElapsedColumn(), console=console)
