"""Whether a new engine reads as its reference does, line by line. An engine is used only after this comparison.

The kernels of a GPU may compute nonsense without an error. Paddle 2.6.2's own kernels do so on GPUs that are newer than
they are. Lower precision may cost more than expected. This module only compares. reference.py makes the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocrspool.engine.models import model_set
from ocrspool.engine.test_pages import GATE, KnownPage
from ocrspool.errors import EngineError

if TYPE_CHECKING:
    from ocrspool.engine.models.model_set import Models
    from ocrspool.pages import PageText, Polygon, TextLine

Readings = Mapping[KnownPage, "PageText"]
ReadingsByKey = Mapping[str, Readings]
"""The same by the key of the net that was to be compared; see Models.to_be_compared."""

_OVERLAP = 0.7
"""Least intersection over union of a line's two polygons, the stricter of the usual bounds in text detection. bf16
against f32 has 0.85 and more (measured); wrong numbers find other boxes altogether."""
_SLACK = 0.01
"""Share of the gate page's characters that may differ; none may on the known page. Rounding may tip a look-alike: on a
draft of this page f32 read a full stop where bf16 read the comma. Wrong numbers change most of them."""
_ALIKE = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")
"""Dashes, which differ by their length alone: PP-OCRv6 tiny reads one as a minus in f32 and as a hyphen in bf16."""
_SURE = 0.8
"""Confidence of lines that are read rightly (0.95 and more on these pages), but not of guesses (0.7 and less)."""
_ILLEGIBLE = 0.2
"""Share of characters that a sound engine does not get wrong of large clear print, whatever its models: PP-OCRv4, for
Chinese first, loses spaces (which do not count here) and some accents; garbage is near 1."""
_NO_SPACE = str.maketrans("", "", " \u3000")


class ParityError(EngineError):
    """The engine was built, and does not read as it should: it is not to be used, nor to be kept."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How two engines' readings of the same pages compare: what the manifest keeps."""

    reference: str
    """Runtime, version, precision and device, in words."""
    lines: int
    characters: int
    characters_differing: int
    worst_shift: float
    """Pixels between corresponding corners."""
    confidence_difference: float
    """The largest, 0 to 1."""


def compare_all(reference: str, expected: ReadingsByKey, found: ReadingsByKey) -> Parity:
    """Return how the readings by all nets compare with the reference's, together. Raise ParityError."""
    compared = [compare(reference, expected[name], found[name]) for name in expected]
    return Parity(
        reference,
        sum(each.lines for each in compared),
        sum(each.characters for each in compared),
        sum(each.characters_differing for each in compared),
        max(each.worst_shift for each in compared),
        max(each.confidence_difference for each in compared),
    )


def compare(reference: str, expected: Readings, found: Readings) -> Parity:
    """Return how readings compare with the reference's. Raise ParityError where they differ by more than they may."""
    lines = characters = differing = 0
    shift = confidence = 0.0
    for page, whole in expected.items():
        if page.upside_down and not whole.rotation:
            continue  # models that do not see that it is: what they make of it says nothing
        pairs = _paired(page, reference, whole, found[page])
        lines += len(pairs)
        characters += sum(len(theirs.text) for theirs, _ in pairs)
        differing += _differing(page, reference, pairs)
        shift = max([shift, *(_shift(theirs.polygon, ours.polygon) for theirs, ours in pairs)])
        confidence = max([confidence, *(abs(theirs.confidence - ours.confidence) for theirs, ours in pairs)])
    return Parity(reference, lines, characters, differing, round(shift, 2), round(confidence, 4))


def check_all_truths(what: str, readings: ReadingsByKey, models: Models) -> None:
    """Raise ParityError where a net does not let its engine read what is written on the pages.

    Only characters that the reader has count.
    """
    nets = {each.key: each.net for each in models.readers if each.net}
    for key, found in readings.items():
        who = f"{what}, by its {key.replace('.', ' ', 1)}," if key else what
        check_truth(who, found, model_set.characters(nets.get(key, models.recognition)))


def check_truth(what: str, readings: Readings, characters: Sequence[str]) -> None:
    """Raise ParityError where `what` does not read what is written on the pages, as far as its characters go."""
    known = set("".join(characters))
    wrong = total = 0
    for page, found in readings.items():
        texts = [line.text.translate(_NO_SPACE) for line in found.lines]
        for line in page.lines:
            written = "".join(letter for letter in line.translate(_NO_SPACE) if letter in known)
            wrong += min((distance(written, text) for text in texts), default=len(written))
            total += len(written)
        if wrong > total * _ILLEGIBLE:
            raise ParityError(
                f"{what} does not read the {page.name}: {[line.text for line in found.lines]} "
                f"instead of {list(page.lines)}",
                "the library does not suit this machine, or the models not this program: try other ones",
            )


def distance(one: str, other: str) -> int:
    """Return how many characters have to be put in, taken out or changed (Levenshtein 1965)."""
    previous = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, against in enumerate(other, 1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (letter != against)))
        previous = current
    return previous[-1]


def overlap(one: Polygon, other: Polygon) -> float:
    """Return intersection over union of two convex polygons."""
    first, second = np.array(one, np.float32), np.array(other, np.float32)
    common = cv2.intersectConvexConvex(first, second)[0]
    union = cv2.contourArea(first) + cv2.contourArea(second) - common
    return float(common / union) if union > 0 else 0.0


def _differing(page: KnownPage, reference: str, pairs: list[tuple[TextLine, TextLine]]) -> int:
    """Return how many characters differ. Raise ParityError where they are too many, showing the worst line."""
    errors = [distance(ours.text.translate(_ALIKE), theirs.text.translate(_ALIKE)) for theirs, ours in pairs]
    length = sum(len(theirs.text) for theirs, _ in pairs)
    if sum(errors) > (math.ceil(length * _SLACK) if page == GATE else 0):
        theirs, ours = pairs[int(np.argmax(errors))]
        raise _failed(
            f"on the {page.name} {sum(errors)} of {length} characters differ, for instance {ours.text!r}; "
            f"{reference} reads {theirs.text!r}"
        )
    return sum(errors)


def _paired(page: KnownPage, reference: str, expected: PageText, found: PageText) -> list[tuple[TextLine, TextLine]]:
    """Return each line that the reference is sure of, with the one in its place. Raise ParityError where none is.

    Lines that only one of both is unsure of may come and go: text that the models have no characters for.
    """
    if expected.rotation != found.rotation:
        raise _failed(f"it turns the {page.name} by {found.rotation}°, {reference} by {expected.rotation}°")
    rest = list(found.lines)
    pairs = []
    for line in expected.lines:
        place = max(rest, key=lambda other: overlap(line.polygon, other.polygon), default=None)
        share = overlap(line.polygon, place.polygon) if place is not None else 0.0
        if place is not None and share >= _OVERLAP:
            rest.remove(place)
            if line.confidence >= _SURE:
                pairs.append((line, place))
        elif line.confidence >= _SURE:
            nearest = f"; the nearest, {place.text!r}, covers {share:.0%} of both" if place is not None else ""
            raise _failed(f"on the {page.name} it has no line where {reference} reads {line.text!r}{nearest}")
    if more := [line.text for line in rest if line.confidence >= _SURE]:
        raise _failed(f"on the {page.name} it reads {more[0]!r} where {reference} sees no text")
    return pairs


def _shift(one: Polygon, other: Polygon) -> float:
    return float(np.linalg.norm(np.subtract(one, other), axis=1).max())


def _failed(difference: str) -> ParityError:
    return ParityError(
        f"the new engine computes other results than its reference, and is not used: {difference}",
        'set engine.precision = "f32", or another engine.provider or engine.runtime; `ocrspool doctor` knows pairs of '
        "libraries and GPUs that do not go together",
    )
