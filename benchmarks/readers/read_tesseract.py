"""(no benchmark.) Tesseract: as it is, one file after the other, or with the argument "side-by-side" as suits it best.

That is a process for each core with one thread each, which is several times as quick.
"""

from __future__ import annotations

import os
import subprocess
import sys

from reading import converse, one_by_one, side_by_side

ENVIRONMENT = {**os.environ, "OMP_THREAD_LIMIT": "1"} if "side-by-side" in sys.argv else None


def _read(file: str) -> str:
    command = ["tesseract", file, "stdout", "-l", "eng"]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    converse(lambda: side_by_side(_read) if ENVIRONMENT else one_by_one(_read))
