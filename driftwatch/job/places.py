"""Where a run's models and files lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.retrain.report import CARD_PAGE

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.run import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders and files of one run.

    Args:
        run: the run's own folder.
        champion: folder of the model that it begins from.
        reference: folder of the reference that it was asked for against.
    """

    run: Path
    champion: Path
    reference: Path

    @property
    def data(self) -> Path:
        """Folder of what it trains on and is judged by."""
        return self.run / "data"

    @property
    def card(self) -> Path:
        """The data card as a section of the run's page."""
        return self.run / CARD_PAGE

    @property
    def hours(self) -> Path:
        """File of the hours it trained."""
        return self.run / "hours.json"

    @property
    def probe(self) -> Path:
        """Folder of its probe."""
        return self.run / "probe"

    def losses(self, round_: int) -> Path:
        """Return the file of a round's training losses."""
        return self.run / f"training-{round_}.jsonl"

    def trained(self, round_: int) -> Path:
        """Return the folder of a round's model as it was fine-tuned."""
        return self.run / f"trained-{round_}"

    def curve(self, round_: int) -> Path:
        """Return the file of a round's merge."""
        return self.run / f"merge-{round_}.json"

    def candidate(self, round_: int) -> Path:
        """Return the folder of a round's model as it is judged and promoted."""
        return self.run / f"candidate-{round_}"


def places_of(config: Config, spec: RunSpec) -> Places:
    """Return where everything of a run lies in the state folder."""
    return Places(
        run=config.state_dir / "runs" / spec.id,
        champion=config.state_dir / "models" / spec.stream / spec.champion,
        reference=config.state_dir / "references" / spec.stream / spec.reference,
    )


def version_of(folder: Path) -> str:
    """Return the name of a model's version: the first 12 digits of its identity."""
    from driftwatch.features.model import model_digest

    return f"m{model_digest(folder).removeprefix('sha256:')[:12]}"
