"""`status --audit` over many retired files and their results: 100,000, or as many as the argument says."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ocrspool.audit.auditor import audit
from ocrspool.spool.spool import Spool
from serving import machine
from support.sample_spools import read, spool_in

LINES = 20
_FOLDERS = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        spool = spool_in(Path(folder))
        size = fill(spool, count // 2)
        print(f"{count // 2} sources, {count // 2} results of {size} bytes")
        for thorough in (False, True):
            began = time.monotonic()
            found = audit(spool, thorough=thorough)
            took = time.monotonic() - began
            print(f"{'thorough' if thorough else 'plain':<8}  {took:.1f} s  {found.verdict}")


def fill(spool: Spool, documents: int) -> int:
    """Lay down so many small sources and their results of a page of text; the size of a result."""
    spool.open()
    path = read(spool, "0.png")
    spool.close()
    page = with_a_page(json.loads(path.read_bytes()))
    path.unlink()
    (spool.done / "0.png").unlink()
    for number in range(documents):
        name = f"{number % _FOLDERS}/{number}.png"
        page["source"] |= {"name": f"{number}.png", "path": name}
        for target, data in ((spool.done / name, b"x"), (spool.outbox / f"{name}.json", json.dumps(page).encode())):
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
    return len(json.dumps(page))


def with_a_page(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result with a page of text."""
    line = {
        "order": 0, "text": "As much text as a line has", "confidence": 0.99, "detection_confidence": 0.9,
        "polygon": [[1.0, 2.0], [300.0, 2.0], [300.0, 40.0], [1.0, 40.0]], "bounding_box": [1.0, 2.0, 300.0, 40.0],
    }  # fmt: skip
    page = {
        "number": 1, "status": "ok", "width": 800, "height": 1200, "unit": "px", "origin": "top-left", "dpi": None,
        "rotation": 0, "text": "", "confidence": 0.99, "lines": [line] * LINES, "error": None,
    }  # fmt: skip
    return {**result, "pages": [page]}


if __name__ == "__main__":
    main()
