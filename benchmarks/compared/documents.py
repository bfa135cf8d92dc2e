"""Which files of the corpus are read: single-page images that every contestant opens, in two sets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

PAGES = (
    "brochure-linn.png",
    "court-transcript.png",
    "invoice-contoso.jpg",
    "paper-first-page-low-res.jpg",
    "magazine-8071.tif",
    "phototest.tif",
    "poem-tyger.jpg",
)
"""Pages of print, scanned or as if, English and upright: what all of them are made for."""


def sets(corpus: Path, receipts: int, pages: int, scratch: Path) -> dict[str, list[Path]]:
    """Return the files of each set."""
    folder = corpus / "documents"
    return {
        "receipts": sorted(folder.glob("receipt-[0-9][0-9][0-9].jpg"))[:receipts],
        "pages": [_plain(folder / name, scratch) for name in PAGES[:pages]],
    }


def _plain(file: Path, scratch: Path) -> Path:
    """Return the file, or one of 8 bits a channel with its content: palettes and bilevel are a peer's downfall."""
    with Image.open(file) as image:
        if image.mode in {"L", "RGB"}:
            return file
        plain = scratch / f"{file.stem}.png"
        image.convert("L" if image.mode == "1" else "RGB").save(plain, dpi=image.info.get("dpi", (300, 300)))
    return plain


def word_f1(corpus: Path, predictions: Path, scratch: Path) -> float:
    """Return the mean word F1 of a folder of texts, by the corpus' own script; documents without one do not count."""
    out = scratch / "score.json"
    score: list[str | Path] = [sys.executable, corpus / "score.py", "--manifest", corpus / "manifest.json"]
    options: list[str | Path] = ["--pred", predictions, "--skip-missing", "--json", out]
    subprocess.run([*score, *options], check=True, stdout=subprocess.DEVNULL)
    mean: float = json.loads(out.read_text())["overall"]["mean, all"]["f1"]
    return mean
