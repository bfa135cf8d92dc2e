"""(no benchmark.) OCRmyPDF for the sake of its text: the least PDF work that it offers, a process for each core."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from reading import converse, side_by_side

LEAST_WORK = ("--output-type", "pdf", "--optimize", "0")


def _read(file: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        sidecar = Path(folder, "text")
        command = [
            "ocrmypdf",
            "--quiet",
            "--jobs",
            "1",
            "--image-dpi",
            "200",
            "--output-type",
            "pdf",
            "--optimize",
            "0",
        ]
        subprocess.run([*command, "--sidecar", sidecar, file, Path(folder, "pdf")], check=True, capture_output=True)
        return sidecar.read_text("utf-8")


if __name__ == "__main__":
    converse(lambda: side_by_side(_read))
