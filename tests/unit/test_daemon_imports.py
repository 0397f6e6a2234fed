"""What a daemon does not load: it would hold it for as long as it runs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "numpy", "scipy", "sklearn", "pandas", "pyarrow")
LATER = ("httpx", "alembic", "cel_expr_python", "phonenumbers", "stdnum", "ray", "mlflow", "psycopg")
OTHERS = (
    "sqlalchemy.dialects.postgresql",
    "driftwatch.cli.whole",
    "driftwatch.cli.runs",
    "driftwatch.policy.cases",
    "driftwatch.policy.replay",
    "driftwatch.retrain.report",
    "driftwatch.gate",
    "driftwatch.paper",
)


def loaded(program: str, names: tuple[str, ...]) -> str:
    program = f"import sys\n{program}\nprint(*[name for name in {names!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_a_daemon_loads_what_it_works_with_and_no_more() -> None:
    start = "from driftwatch.cli import app_for; app_for('run'); import driftwatch.daemon"
    assert loaded(start, HEAVY + LATER + OTHERS) == ""


def test_many_texts_at_once_load_nothing_heavy() -> None:
    crowd = """
from datetime import UTC, datetime
from driftwatch.intake.drafts import Drafts
from driftwatch.intake.http import HttpSettings
from driftwatch.intake.plain import plain_of
from driftwatch.intake.redact import Redactor, RedactSettings
lines = b"\\n".join(b'{"id": "%d", "text": "call +44 20 7946 0958"}' % number for number in range(4_000))
found = plain_of(HttpSettings()).lines(lines, place=str, now=datetime.now(UTC))
assert len(Drafts((found.part({}),))) == 4_000, found
assert len(list(Redactor(RedactSettings()).redact_all(["mail me at jane@example.org"] * 4_000))) == 4_000
"""
    assert loaded(crowd, HEAVY) == ""
