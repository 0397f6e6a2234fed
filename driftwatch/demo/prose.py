"""English prose from the documentation of installed packages, read from their source files at run time."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SKIP = re.compile(r"^\s*(>>>|\.\. |\.\.\.|[-=~^*]{3,}|:\w+:|[\w, ]+ : )")
_LEAST_WORDS = 8
_MOST_WORDS = 60


def paragraphs(packages: Sequence[str], limit: int | None = None, *, seed: int = 0) -> list[str]:
    """Return distinct paragraphs of the packages' docstrings in an order that only the seed decides.

    Args:
        packages: import names, or folders in them such as ``torch/nn``; those not installed are skipped.
        limit: most paragraphs to return.
        seed: of the order.

    Returns:
        Paragraphs of 8 to 60 words, whitespace collapsed.
    """
    found = {text for name in packages for text in _of_package(name)}
    ordered = sorted(found, key=lambda text: hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=8).digest())
    return list(islice(ordered, limit))


def _of_package(name: str) -> Iterator[str]:
    top, _, below = name.partition("/")
    spec = find_spec(top)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder, below).rglob("*.py")):
            if "tests" not in file.parts:
                yield from _of_file(file)


def _of_file(file: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_docstring(ast.get_docstring(node) or "")


def _of_docstring(docstring: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", docstring):
        lines = block.splitlines()
        if not lines or any(_SKIP.match(line) for line in lines):
            continue
        words = block.split()
        if _LEAST_WORDS <= len(words) <= _MOST_WORDS and sum(w.isalpha() for w in words) > len(words) / 2:
            yield " ".join(words)
