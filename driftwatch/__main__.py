"""``python -m driftwatch`` and the command ``driftwatch``."""

from driftwatch.cli import app


def main() -> None:
    """Run the command line."""
    app(prog_name="driftwatch")


if __name__ == "__main__":
    main()
