"""(no benchmark.) Sentences of no importance, always the same ones for the same seed."""

from __future__ import annotations

import random

_WHO = (
    *(
        "The committee",
        "The county archive",
        "A small workshop",
        "Our laboratory",
        "The harbor office",
        "Each district",
    ),
    *(
        "The survey team",
        "The printing house",
        "The water board",
        "A group of volunteers",
        "The librarian",
        "The museum",
    ),
)
_DID = (
    *("collected", "compared", "repaired", "described", "measured", "published", "examined", "catalogued", "returned"),
    *("replaced", "documented", "inspected"),
)
_WHAT = (
    *(
        "the older registers",
        "several hundred maps",
        "the records of the river",
        "a series of letters",
        "new instruments",
    ),
    *(
        "the annual accounts",
        "the plans of the bridge",
        "samples from every well",
        "the printed catalogue",
        "two engines",
    ),
)
_WHEN = (
    *("during the second half of the year", "before the winter began", "after a long discussion", "within three weeks"),
    *("without additional funding", "in cooperation with the neighbouring towns", "although the weather was poor"),
    *("as the previous report had suggested", "under the supervision of an engineer", "for the first time since 1987"),
)


class Prose:
    """A source of sentences."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - always the same

    def sentence(self) -> str:
        """Return a sentence."""
        pick = self._random.choice
        ending = pick(("", f", and {pick(_WHO).lower()} {pick(_DID)} {pick(_WHAT)}"))
        return f"{pick(_WHO)} {pick(_DID)} {pick(_WHAT)} {pick(_WHEN)}{ending}."

    def paragraph(self, sentences: int) -> str:
        """Return several sentences."""
        return " ".join(self.sentence() for _ in range(sentences))

    def item(self) -> str:
        """Return something short."""
        return f"{self._random.choice(_WHAT).capitalize()} {self._random.choice(_WHEN)}"
