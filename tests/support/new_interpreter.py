"""Code in a Python of its own, that has imported nothing yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_alone(code: str, *arguments: str | Path, **variables: str) -> None:
    """Run code in a new interpreter that has these environment variables and no others. It must exit with 0."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), **variables},
    )
    assert done.returncode == 0, done.stderr
