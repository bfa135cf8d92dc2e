"""Pages that several readers have read whole, as if some of them had been asked for doubtful lines only.

Every line was read by every reader, once. What becomes of a page under other rules follows from that: which readings a
rule would have had, the text of the page then, and the processor time of the readings that it would have asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ocrspool.engine.ocr.page_state import Line, PageInWork, Variant
from ocrspool.engine.ocr.page_text import page_text
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.signs_of_doubt import has_signs
from ocrspool.pages import PageOptions

Evidence = Callable[[Variant, str], float]
"""How sure a reader's reading of a variant is, by some feature."""

_DOUBTFUL = 0.8
_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """Which readers are asked in turn, and what ends the turn."""

    readers: tuple[str, ...]
    sure: float
    evidence: Evidence
    head_start: float = 0.0
    """As in ReaderOrder."""
    wary: bool = False
    """Likewise."""


@dataclass(slots=True)
class Seen:
    """A page that all readers have read, and what that took."""

    name: str
    page: PageInWork
    other_seconds: float
    """Of everything but reading lines."""
    spent: dict[tuple[int, str], float]
    """By the id of a variant and reader: processor seconds."""


def outcome(seen: Seen, rule: Rule) -> tuple[str, float, float]:
    """Return the text of a page under a rule, its processor seconds, and the share of lines that were read again."""
    seconds, again, lines = seen.other_seconds, 0, 0
    page = PageInWork(seen.page.pixels, lambda: None, PageOptions(words="none"))
    page.rotation, page.margin = seen.page.rotation, seen.page.margin
    made: list[Line] = []
    for line in [*seen.page.lines, *([seen.page.whole] if seen.page.whole else [])]:
        variants, cost, asked = _read(seen, line.variants, rule)
        turned = None
        if line.turned and len(variants) == 1 and variants[0].confidence() < _DOUBTFUL:
            (turned,), more, _ = _read(seen, [line.turned], rule)
            cost += more
        made.append(Line(line.detection_confidence, variants, turned))
        seconds, again, lines = seconds + cost, again + (asked > 1), lines + 1
    page.whole = made.pop() if seen.page.whole else None
    page.lines = made
    text = page_text(page, _LEAST)
    return "\n".join(line.text for line in text.lines), seconds, again / max(lines, 1)


def _read(seen: Seen, variants: Sequence[Variant], rule: Rule) -> tuple[list[Variant], float, int]:
    """Return variants with those readings that the rule asks for, what they cost, and how many readers were asked."""
    made = [Variant(each.polygon, each.strips, head_start=rule.head_start) for each in variants]
    cost = 0.0
    for asked, reader in enumerate(rule.readers, 1):
        for variant, new in zip(variants, made, strict=True):
            new.read_by[reader] = variant.read_by[reader]
            cost += seen.spent[id(variant), reader]
        surest = max(made, key=lambda variant: rule.evidence(variant, reader))
        believed = not (rule.wary and has_signs(surest.surest()[0].text))
        if believed and rule.evidence(surest, reader) >= rule.sure:
            return made, cost, asked
    return made, cost, len(rule.readers)


def confidence(variant: Variant, reader: str) -> float:
    """Mean probability of the characters, times the part of the ink that was read: what the program goes by."""
    return _over_strips(variant, reader, lambda reading: reading.confidence)


def certainty(variant: Variant, reader: str) -> float:
    """Mean probability of the characters alone."""
    return _over_strips(variant, reader, lambda reading: reading.certainty)


def least(variant: Variant, reader: str) -> float:
    """Probability of the least sure character."""
    return _over_strips(variant, reader, lambda reading: min((each.probability for each in reading.letters), default=0))


def product(variant: Variant, reader: str) -> float:
    """Probability that all characters are right, if they are independent: the product."""

    def of_all(reading: Reading) -> float:
        whole = 1.0
        for letter in reading.letters:
            whole *= letter.probability
        return whole * (1 - reading.unread_share) if reading.letters else 0.0

    return _over_strips(variant, reader, of_all)


def _over_strips(variant: Variant, reader: str, of: Callable[[Reading], float]) -> float:
    return min(of(reading) for reading in variant.read_by[reader].values())


EVIDENCE: dict[str, Evidence] = {
    "confidence": confidence,
    "certainty without ink": certainty,
    "least character": least,
    "product of characters": product,
}
