"""Small documents of every sort, each unlike all others, and what has to become of each."""

from __future__ import annotations

import copy
import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from support import drawn_pages, sample_files

Fate = Literal["ok", "partial", "failed"]


@dataclass(frozen=True)
class Document:
    """One file that is dropped."""

    name: str
    data: bytes
    fate: Fate
    pages: int
    words: str = ""
    """What each page says that can be read; "" where there is nothing to be read."""
    texts: dict[int, str] | None = field(default=None, compare=False)
    """Without an engine: what a stub said of each page, by number, of all documents of this sort."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def last(self) -> str:
        """Its name without folders, which no other document has."""
        return self.name.rpartition("/")[2]


class Documents:
    """Makes one after the other; the seed decides which."""

    def __init__(self, seed: int, *, stub: bool = False) -> None:
        """With `stub`, documents are for a service whose engine is a stub: equal pages have equal texts."""
        self._stub = stub
        self._texts: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._random = random.Random(seed)
        self._number = 0
        word = sample_files.words("Torture", (160, 56))
        large = drawn_pages.page("Some more", "and more", "and more")
        copies = [word.copy() for _ in range(3)]
        self._sorts: list[tuple[str, bytes, Fate, int, str]] = [
            ("png", sample_files.png(word), "ok", 1, "Torture"),
            ("jpg", sample_files.jpeg(word.copy()), "ok", 1, "Torture"),
            ("large.png", sample_files.png(large), "ok", 1, "Some more"),
            ("tif", sample_files.tiff(*copies), "ok", 3, "Torture"),
            ("pdf", sample_files.pdf(4, width=90, height=40), "ok", 4, "Hello spool"),
            ("pgm", drawn_pages.tiny(1), "ok", 1, ""),
            ("damaged.tif", sample_files.damaged_page_tiff(), "partial", 3, ""),
            ("broken.png", sample_files.png(word)[:70], "failed", 0, ""),
        ]
        self._folders = ("", "", "", "sub/", "sub/deeper/", "with space ü/")

    def ahead(self, count: int) -> list[str]:
        """Return the names of the next so many."""
        ahead = copy.deepcopy(self)
        return [ahead.next().name for _ in range(count)]

    def next(self) -> Document:
        """Return another one; bytes behind the end make it unique, and are in nobody's way."""
        self._number += 1
        suffix, data, fate, pages, words = self._random.choice(self._sorts)
        name = f"{self._random.choice(self._folders)}{self._number:05}.{suffix}"
        data += b"\n%%%05d" % self._number
        if self._stub:
            return Document(name, data, fate, pages, "", self._texts[suffix])
        return Document(name, data, fate, pages, words)
