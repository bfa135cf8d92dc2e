"""Runs the command in its arguments such that its children are run by another Python: FILE COMMAND ARGUMENTS..."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.executable = sys.argv[1]
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
