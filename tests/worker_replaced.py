"""Has another script run where the service starts a worker: one whose engine fails, or is said to be another.

As a command it is FILE PYTHON COMMAND ARGUMENTS...: it runs that command such that its children are run by this Python.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def python(folder: Path, script: str) -> Path:
    """Make a Python in a folder which runs the script where a worker is asked for, and whatever else as it is."""
    path = folder / "python"
    path.write_text(
        '#!/bin/sh\nif [ "$3" = ocrspool.recognition.child ]; then\n'
        f'    exec "{sys.executable}" -I "{script}" "$3" "$4"\nfi\n'
        f'exec "{sys.executable}" "$@"\n',
        "utf-8",
    )
    path.chmod(0o755)
    return path


def wrapper(folder: Path, script: str) -> tuple[str, ...]:
    """Return what to put before the command of a service whose workers run the script."""
    return (sys.executable, __file__, str(python(folder, script)))


if __name__ == "__main__":
    sys.executable = sys.argv[1]
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
