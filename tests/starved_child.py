"""A program that fine-tunes with little memory left, and says how it went as one line of JSON."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from families import texts_of
from structlog.testing import capture_logs

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.run import Recipe
from driftwatch.retrain.finetune import finetune

RECIPE = Recipe(
    name="tiny", learning_rates=(1e-3,), epochs=1.0, batch=128, context=64, checkpoint_steps=100, precision="float32"
)


def tune(champion: Path, texts: Path, folder: Path, recipe: Recipe) -> bool:
    """Fine-tune into the folder."""
    return finetune(
        champion,
        texts_of(json.loads(texts.read_text())),
        recipe,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        on_progress=lambda _: None,
        should_stop=lambda: False,
        threads=1,
    )


def main(champion: Path, texts: Path, folder: Path, megabytes: int) -> None:
    """Train once with one sequence at a time, so that everything is loaded; then limit the address space and train."""
    tune(champion, texts, folder / "warm", replace(RECIPE, at_once=1, epochs=0.1))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with capture_logs() as logs:
        try:
            said = str(tune(champion, texts, folder, RECIPE))
        except DriftwatchError as error:
            said = str(error)
    tried = [log["sequences_at_once"] for log in logs if log["event"] == "out_of_memory"]
    print(json.dumps({"said": said, "tried": tried}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
