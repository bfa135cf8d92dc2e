"""Runs the command: `python -m ocrspool`, and the installed `ocrspool`."""

import sys


def run() -> None:
    """Run the command and end with its exit code."""
    from ocrspool.cli.main import main  # noqa: PLC0415 - children import this package too, and need no command line

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
