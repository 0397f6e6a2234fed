"""``python -m driftwatch`` and the command ``driftwatch``."""

import sys

from driftwatch.cli import app_for


def main() -> None:
    """Run the command line."""
    app = app_for(sys.argv[1] if len(sys.argv) > 1 else None)
    app(prog_name="driftwatch")


if __name__ == "__main__":
    main()
