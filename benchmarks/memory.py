"""Resident memory after 0, 100, ... 500 pages of the corpus' receipts through one service."""

from __future__ import annotations

import shutil
from pathlib import Path

from serving import machine, named_corpus, scratch, serving

PAGES, STEP = 500, 100


def main() -> None:
    corpus = named_corpus()
    receipts = sorted((corpus / "documents").glob("receipt-[0-9]*.jpg"))[:10]
    print(machine())
    with scratch() as folder, serving(Path(folder), "settle_seconds = 0.5\n") as served:
        for target in range(0, PAGES + 1, STEP):
            for number in range(max(0, target - STEP), target):
                shutil.copy(receipts[number % len(receipts)], served.spool / "inbox" / f"{number}.jpg")
            served.wait_for(target, 3600)
            held = ", ".join(f"{kind} {size:.0f} MB" for kind, size in served.memory().items())
            print(f"{target:5} pages: {held}", flush=True)


if __name__ == "__main__":
    main()
