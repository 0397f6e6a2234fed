"""The peers' own virtual environment, outside the repository."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "peers-requirements.txt"
_MADE = "installed.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An interpreter, and what became of each requirement.

    Args:
        python: to start the runner with.
        missing: requirements that could not be installed, with the reason.
    """

    python: Path
    missing: dict[str, str]


def cache_folder() -> Path:
    """Return where environment, embeddings and exchange live: under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftwatch" / "peers"


def prepared(cache: Path, requirements: Path = REQUIREMENTS) -> Environment:
    """Return the environment of the requirements as they stand, made where it is not there yet.

    All are installed together; where that fails, one by one, and those that fail alone are named as missing.

    Args:
        cache: folder that environments are made in.
        requirements: file of them, one a line.
    """
    wanted = [line for line in requirements.read_text().splitlines() if line.strip() and not line.startswith("#")]
    identity = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
    folder = cache / f"environment-{identity}"
    python = folder / "bin" / "python"
    made = folder / _MADE
    if not made.exists():
        print(f"making the peers' environment in {folder}; this takes some minutes, once", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        made.write_text(json.dumps(_install(python, wanted)))
    return Environment(python=python, missing=json.loads(made.read_text()))


def _install(python: Path, wanted: list[str]) -> dict[str, str]:
    if not _pip(python, wanted):
        return {}
    missing = {}
    pins = [each for each in wanted if each.startswith(("torch==", "numpy=="))]
    for requirement in wanted:
        problem = _pip(python, [*pins, requirement])
        if problem:
            missing[requirement] = problem
    return missing


def _pip(python: Path, wanted: list[str]) -> str:
    """Install; return why it failed, empty where it did not."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"pip ended with {done.returncode}")
