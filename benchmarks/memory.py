"""Resident memory after 0, 100, ... 500 receipts of OCRSPOOL_CORPUS through a service, then 24 pages at 300 dpi."""

from __future__ import annotations

import shutil
from pathlib import Path

from serving import Served, machine, named_corpus, scratch, serving

PAGES, STEP = 500, 100
LARGE = 24
LARGE_PAGE = "brochure-linn.png"
"""A letter, scanned at 300 dpi."""


def main() -> None:
    corpus = named_corpus()
    receipts = sorted((corpus / "documents").glob("receipt-[0-9]*.jpg"))[:10]
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0.5\n") as served:
        for target in range(0, PAGES + 1, STEP):
            for number in range(max(0, target - STEP), target):
                shutil.copy(receipts[number % len(receipts)], served.spool / "inbox" / f"{number}.jpg")
            served.wait_for(target, 3600)
            _tell(served, f"{target:5} receipts")
        for number in range(LARGE):
            shutil.copy(corpus / "documents" / LARGE_PAGE, served.spool / "inbox" / f"large-{number}.png")
        served.wait_for(PAGES + LARGE, 3600)
        _tell(served, f"and {LARGE} pages at 300 dpi")


def _tell(served: Served, after: str) -> None:
    held = ", ".join(f"{kind} {size:.0f} MB" for kind, size in served.memory().items())
    print(f"{after}: {held}", flush=True)


if __name__ == "__main__":
    main()
