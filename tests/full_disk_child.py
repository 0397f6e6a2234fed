"""A program that fine-tunes on a disk that others fill meanwhile, and says how it went as one line of JSON."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import finetune_child
from families import texts_of

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.run import Progress
from driftwatch.retrain.finetune import finetune


def main(champion: Path, texts: Path, disk: Path) -> None:
    """Train; after the second step nothing is left of the disk, and a checkpoint is due after the third."""

    def fill(now: Progress) -> None:
        if now.done == 2:
            with suppress(OSError), (disk / "others").open("wb", buffering=0) as file:
                while file.write(b"0" * 4_096):
                    pass

    said, retryable = "done", None
    try:
        finetune(
            champion,
            texts_of(json.loads(texts.read_text())),
            finetune_child.RECIPE,
            round=1,
            out=disk / "out",
            checkpoints=disk / "checkpoints",
            on_progress=fill,
            should_stop=lambda: False,
            threads=1,
        )
    except DriftwatchError as error:
        said, retryable = str(error), error.retryable
    left = sorted(str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_dir())
    print(json.dumps({"said": said, "retryable": retryable, "left": left}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
