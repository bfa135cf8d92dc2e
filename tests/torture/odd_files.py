"""Documents of every sort for a cluster, some of which kill what opens or reads them, and what has to become of each.

What has to become of them is what a service without a cluster makes of the same bytes.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from PIL import Image

from support import sample_files
from support.cluster_lab import ClusterLab
from support.fixed_time_worker import KILLER

LIMITS = "decoder_memory_mb = 256"
"""As little as decoders may have: `sample_files.deadly_pdf` is made for that."""


def _killer() -> Image.Image:
    """Return a page that kills its worker."""
    pixels = np.full((40, 60), 200, np.uint8)
    pixels[0, :2] = list(KILLER)
    return Image.fromarray(pixels)


_WORDS = [sample_files.words(f"Page {number}").convert("L") for number in range(3)]
SORTS: dict[str, bytes] = {
    "long.pdf": sample_files.pdf(40, width=90, height=40),
    "short.pdf": sample_files.pdf(3, width=90, height=40),
    "photograph.jpg": sample_files.jpeg(sample_files.words("A photograph")),
    "fax.tif": sample_files.tiff(*_WORDS),
    "damaged.tif": sample_files.damaged_page_tiff(),
    "broken.png": sample_files.png()[:70],
    "locked.pdf": sample_files.encrypted_pdf(b"secret"),
    "nonsense.pdf": b"%PDF-1.4\nno document at all\n",
    "deadly.pdf": sample_files.deadly_pdf(4, {2}),
    "only-deadly.pdf": sample_files.deadly_pdf(1, {1}),
    "killer.png": sample_files.png(_killer()),
    "killer.tif": sample_files.tiff(_WORDS[0], _killer(), _WORDS[1]),
}
_SECONDS = 240.0


class OddFiles:
    """Puts some of each sort into a service, and compares what becomes of them."""

    def __init__(self, lab: ClusterLab, chance: random.Random, local: str) -> None:
        """`local` is the name of a service without a cluster, which tells what has to become of each sort."""
        self._lab = lab
        self._chance = chance
        self._number = 0
        for sort, data in SORTS.items():
            lab.put(sort, data, local)
        self._expected = {sort: fate(lab.outcome(sort, local, _SECONDS)) for sort in SORTS}

    def drop(self, count: int) -> list[tuple[str, str]]:
        """Put so many into the cluster's service. Return the sort and the name of each."""
        found = []
        for sort in self._chance.choices(list(SORTS), k=count):
            self._number += 1
            name = f"odd-{self._number}-{sort}"
            self._lab.put(name, SORTS[sort])
            found.append((sort, name))
        return found

    def check(self, dropped: list[tuple[str, str]], seconds: float) -> None:
        """Wait for what becomes of them. Raise AssertionError where that is something else than without a cluster."""
        for sort, name in dropped:
            found = fate(self._lab.outcome(name, seconds=seconds))
            assert found == self._expected[sort], f"{name}: {found}, without a cluster {self._expected[sort]}"


def fate(found: dict[str, Any]) -> dict[str, Any]:
    """Return what became of a document, without who has read it, when, and at which attempt."""
    if "pages" not in found:
        return {"kind": found.get("kind")}
    pages = [
        (page["number"], [line["text"] for line in page["lines"]], (page.get("error") or {}).get("kind"))
        for page in found["pages"]
    ]
    return {"status": found["status"], "text": found["text"], "pages": pages}
