"""Runs another module where the service starts a worker: one whose engine fails, or that claims another device.

As a command it is FILE PYTHON COMMAND ARGUMENTS...: it runs that command such that its children are run by this Python.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]


def python(folder: Path, module: str) -> Path:
    """Make a Python in a folder that runs `main` of the module where a worker is asked for, and all else as it is."""
    start = f"import sys; sys.path.append({str(_TESTS)!r}); from {module} import main; main()"
    return python_of(folder, f'exec "{sys.executable}" -I -c "{start}" "$3" "$4"')


def python_of(folder: Path, worker: str) -> Path:
    """Make a Python in a folder that runs this line of a shell where a worker is asked for. Its socket is "$4"."""
    path = folder / "python"
    path.write_text(
        f'#!/bin/sh\nif [ "$3" = ocrspool.recognition.child ]; then\n    {worker}\nfi\nexec "{sys.executable}" "$@"\n',
        "utf-8",
    )
    path.chmod(0o755)
    return path


def wrapper(folder: Path, module: str) -> tuple[str, ...]:
    """Return what to put before the command of a service whose workers run the module."""
    return (sys.executable, __file__, str(python(folder, module)))


if __name__ == "__main__":
    sys.executable = sys.argv[1]
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
