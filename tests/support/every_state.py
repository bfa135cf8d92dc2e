"""An inbox of 0.1.0 with files in every state: one for each instant at which 0.1.0 may have been ended."""

from __future__ import annotations

import os
from pathlib import Path

from support import drawn_pages, sample_files, version_0_1_0

DAMAGED = b"\x89PNG\r\n\x1a\n broken"
ODD = os.fsdecode(b"odd/b\xe9d.png")

TO_READ = {
    "waiting.png": "waiting",
    "sub/claimed.png": "claimed",
    "sub/begun.png": "attempt begun",
    "rendered-txt.png": "text was there",
    "given-back.png": "given back",
}
"""Files that have no result yet, and the words on them."""

RENDERED = (
    "sub/rendered.png",
    "being-written.png",
    "sub/named.png",
    "sub/half.png",
    "linked.png",
    "sub/unretired.png",
    "sub/retired.png",
    "old/done.png",
)
"""Files that 0.1.0 has read: the result is in work/, in the outbox, or in both."""

FAILED = ("failing.png", "sub/moved.png", "old/failed.png", ODD)


def filled(root: Path) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
    """Make an inbox with files in every state. Return the sources, the results and the reasons, by name."""
    made = version_0_1_0.Inbox(root)
    sources = {name: drawn_pages.png(words) for name, words in TO_READ.items()}
    sources |= {name: drawn_pages.png(f"never read {number}") for number, name in enumerate(RENDERED)}
    sources |= {name: DAMAGED + os.fsencode(name) for name in FAILED}
    sources["killer.tif"] = sample_files.tiff(drawn_pages.page("kills"), drawn_pages.page("harmless"))

    made.waiting("waiting.png", sources["waiting.png"])
    made.claimed("sub/claimed.png", sources["sub/claimed.png"])
    made.begun("sub/begun.png", sources["sub/begun.png"])
    made.begun("killer.tif", sources["killer.tif"], 1, 1)
    version_0_1_0.put(made.begun("rendered-txt.png", sources["rendered-txt.png"]) / "result.txt", b"of no result\n")
    back = made.claimed("given-back.png", sources["given-back.png"])
    os.link(back / "source/given-back.png", root / "inbox/given-back.png")

    jobs = {
        "sub/rendered.png": made.read("sub/rendered.png", sources["sub/rendered.png"]),
        "being-written.png": made.read("being-written.png", sources["being-written.png"]),
        "sub/named.png": made.delivering("sub/named.png", sources["sub/named.png"]),
        "sub/half.png": made.delivering("sub/half.png", sources["sub/half.png"], ".txt"),
        "linked.png": made.delivering("linked.png", sources["linked.png"], ".txt"),
        "sub/unretired.png": made.delivering("sub/unretired.png", sources["sub/unretired.png"], ".txt", ".json"),
        "sub/retired.png": made.delivering(
            "sub/retired.png", sources["sub/retired.png"], ".txt", ".json", ".done", has_source=False
        ),
    }
    results = {name: (folder / "result.json").read_bytes() for name, folder in jobs.items()}
    version_0_1_0.put(jobs["being-written.png"] / "job.json.new", b'{\n  "attem')
    os.link(jobs["linked.png"] / "result.json", jobs["linked.png"] / "result.json.out")
    version_0_1_0.put(root / "done/sub/retired.png", sources["sub/retired.png"])
    made.done("old/done.png", sources["old/done.png"])
    results["old/done.png"] = (root / "outbox/old/done.png.json").read_bytes()

    failing = made.failing("failing.png", sources["failing.png"])
    moved = made.failing("sub/moved.png", None)
    version_0_1_0.put(root / "failed/sub/moved.png", sources["sub/moved.png"])
    made.failed("old/failed.png", sources["old/failed.png"])
    made.failed(ODD, sources[ODD])
    reasons = {
        "failing.png": (failing / "reason.json").read_bytes(),
        "sub/moved.png": (moved / "reason.json").read_bytes(),
        **{name: (root / "failed" / f"{name}.reason.json").read_bytes() for name in FAILED[2:]},
    }

    made.claimed("nothing.png")
    (root / "work/20261127T140000-00000000").mkdir()
    private = root / "outbox/.ocrspool"
    private.mkdir(mode=0o700)
    version_0_1_0.put(private / f"{jobs['sub/half.png'].name}-result.json", b'{\n  "schema": "ocr')
    return sources, results, reasons
