"""(no benchmark.) The words of Tesseract: each text is a JSON list of words with their polygons."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess

from reading import converse, side_by_side

ENVIRONMENT = {**os.environ, "OMP_THREAD_LIMIT": "1"}


def _read(file: str) -> str:
    # Mode 1 looks which way up the page is, as the others do.
    command = ["tesseract", file, "stdout", "-l", "eng", "--psm", "1", "tsv"]
    said = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
    words = []
    for row in csv.DictReader(io.StringIO(said), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == "5" and row["text"].strip():
            left, top, width, height = (float(row[name]) for name in ("left", "top", "width", "height"))
            right, bottom = left + width, top + height
            words.append((row["text"], [[left, top], [right, top], [right, bottom], [left, bottom]]))
    return json.dumps(words)


if __name__ == "__main__":
    converse(lambda: side_by_side(_read))
