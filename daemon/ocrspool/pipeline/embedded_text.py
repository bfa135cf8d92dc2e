"""Which pages of a PDF keep the text that they bring along, and which are read: what `pdf_text = "prefer"` means.

A decoder says why it doubts a page's own text (`EmbeddedText.doubt`). Without a doubt the page is not read. With one
it is read, and its own text is kept where it agrees with what was read. Where the doubt is about the text and not about
the page, two pages that agree speak for all other pages whose text is in the same fonts.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from ocrspool.errors import DocumentError
from ocrspool.pages import EmbeddedText, Notice, PageText, Polygon, Recognized, TextLine
from ocrspool.pipeline.assemble import LostPage, ReadPage
from ocrspool.recognition.page_json import decoded
from ocrspool.text_similarity import Runs, share_of, squeezed

_SAMPLES = 2
_ABOUT_TEXT = {"letters", "invisible"}
_CONFIRMED = 0.5
"""Share of the own text that has to be seen. Of text in wrong letters nothing is seen, of right text nearly all."""
_COMPLETE = 0.9
"""Share of what is seen that has to be in the own text."""
_FEW = 0.5
"""Characters read, as a share of those of the own text, below which the reading says nothing against it."""
_MUCH = 0.3
"""The length that a text has to have to stand for the page, as a share of what is seen."""
_MAIN, _TRACE = 0.5, 0.05
"""Shares of letters: of the main script of a text, and of a script that hardly occurs."""
_HIGHEST, _POINTS_PER_INCH = 16.0, 72.0
"""The height of a line, in points, in a field or a comment of which only the whole place is known."""
_LISTED = 20
"""A warning names so many pages at most."""

Pages = Sequence[ReadPage | EmbeddedText | LostPage]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a page's own text is worth beside what was read on it."""

    is_kept: bool
    is_wrong: bool = False
    """Whether it differs from what is seen."""
    is_seen: bool = True


class EmbeddedTexts:
    """The text that pages of one document bring along, of those pages that are read nevertheless."""

    def __init__(self) -> None:
        self.own: dict[int, EmbeddedText] = {}
        """By page: the text that it brings along."""
        self.hidden: dict[int, tuple[TextLine, ...]] = {}
        """By page: text that it holds and perhaps does not show."""
        self._samples: list[tuple[EmbeddedText, Future[Recognized]]] = []

    def believes(self, own: EmbeddedText) -> bool:
        """Tell whether a page keeps its text without being read. Wait for the pages that tell. Raise EngineError."""
        if not own.doubt:
            return True
        samples = [(one, read) for one, read in self._samples if one.doubt == own.doubt]
        known = {font for one, _ in samples for font in one.fonts}
        if own.doubt not in _ABOUT_TEXT or len(samples) < _SAMPLES or not known.issuperset(own.fonts):
            return False
        try:
            return all(judged(one, decoded(read.result())).is_kept for one, read in samples)
        except DocumentError:  # such a page is lost, and is no evidence
            return False

    def note(
        self, own: EmbeddedText | None, hidden: tuple[TextLine, ...], number: int, reading: Future[Recognized]
    ) -> None:
        """Remember what a page that is read brings along: its text, and what it holds and perhaps does not show."""
        if own is not None:
            self.own[number] = own
            self._samples.append((own, reading))
        if hidden:
            self.hidden[number] = hidden


def settled(
    pages: Pages, own: Mapping[int, EmbeddedText], hidden: Mapping[int, tuple[TextLine, ...]]
) -> tuple[Pages, list[Notice]]:
    """Return the pages with the text that each gets in the end, and warnings."""
    if not own and not hidden:
        return pages, []
    wrong: list[int] = []
    unseen: list[int] = []
    chosen: list[ReadPage | EmbeddedText | LostPage] = []
    for page in pages:
        if not isinstance(page, ReadPage):
            chosen.append(page)
            continue
        number = page.image.number
        highest = _HIGHEST * (page.image.dpi or _POINTS_PER_INCH) / _POINTS_PER_INCH
        read = replace(page, text=with_hidden(page.text, hidden.get(number, ()), highest))
        verdict = judged(own[number], read.text) if number in own else None
        wrong += [number] if verdict and verdict.is_wrong else []
        unseen += [number] if verdict and not verdict.is_seen else []
        chosen.append(own[number] if verdict and verdict.is_kept else read)
    return chosen, [
        *_warning(wrong, "own-text-not-trusted", "The PDF's own text is not what is seen {}; it was read instead."),
        *_warning(unseen, "own-text-not-seen", "The PDF has text {} of which nothing is seen; it was taken as it is."),
    ]


def judged(own: EmbeddedText, reading: PageText) -> Verdict:
    """Compare a page's own text with what was read on it."""
    if own.doubt == "annotations":
        return Verdict(is_kept=False)
    known, seen = [line.text for line in own.lines], [line.text for line in reading.lines]
    if not any(map(squeezed, seen)):
        return Verdict(is_kept=True, is_seen=False)
    confirmed = share_of(known, Runs(seen)) >= _CONFIRMED
    if confirmed and share_of(seen, Runs(known)) >= _COMPLETE:
        return Verdict(is_kept=True)
    if not confirmed and _cannot_tell(known, reading):
        return Verdict(is_kept=True)
    # A stamp or a watermark that was not read is no wrong text of the page.
    is_wrong = not confirmed and _size(known) >= _MUCH * _size(seen)
    return Verdict(is_kept=False, is_wrong=is_wrong)


def _cannot_tell(known: list[str], reading: PageText) -> bool:
    """Tell whether the reading fails at the script of the own text: little was read, and nothing in that script."""
    scripts, seen = _scripts(known), _scripts(line.text for line in reading.lines)
    main, count = scripts.most_common(1)[0] if scripts else ("", 0)
    if main in {"", "LATIN"} or count < _MAIN * scripts.total() or seen[main] > _TRACE * count:
        return False
    characters = _size(line.text for line in reading.lines)
    is_unread = any(warning.code == "unread-script" for warning in reading.warnings)
    return is_unread or characters < _FEW * _size(known)


def _size(lines: Iterable[str]) -> int:
    return sum(len(squeezed(line)) for line in lines)


def _scripts(lines: Iterable[str]) -> Counter[str]:
    """Count letters by script, as the first word of their names in Unicode tells it."""
    letters = (letter for line in lines for letter in line if letter.isalpha())
    return Counter(unicodedata.name(letter, "?").partition(" ")[0] for letter in letters)


def with_hidden(reading: PageText, hidden: Sequence[TextLine], highest: float) -> PageText:
    """Return the reading with those lines that the page holds and that nothing like was read of.

    None is placed higher than `highest`, in pixels.
    """
    missing: dict[Polygon, list[TextLine]] = defaultdict(list)
    for line in hidden:
        near = [found.text for found in reading.lines if _is_in(found.polygon, line.polygon)]
        if Runs([*near, "".join(near)]).share(line.text) < _CONFIRMED:
            missing[line.polygon].append(line)
    spread = tuple(line for place, lines in missing.items() for line in _spread(lines, place, highest))
    if not spread:
        return reading
    warnings = tuple(each for each in reading.warnings if each.code != "no-text-found")
    return replace(reading, lines=(*reading.lines, *spread), warnings=warnings)


def _spread(lines: list[TextLine], place: Polygon, highest: float) -> Iterator[TextLine]:
    """Yield lines that have one place with a part of it each, from its top, and none higher than so many pixels."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = place
    part = min(1 / len(lines), highest / max(1.0, math.hypot(dx - ax, dy - ay)))
    for at, line in enumerate(lines):
        first, last = at * part, (at + 1) * part
        yield replace(
            line,
            polygon=(
                (ax + first * (dx - ax), ay + first * (dy - ay)),
                (bx + first * (cx - bx), by + first * (cy - by)),
                (bx + last * (cx - bx), by + last * (cy - by)),
                (ax + last * (dx - ax), ay + last * (dy - ay)),
            ),
        )


def _is_in(polygon: Polygon, box: Polygon) -> bool:
    """Tell whether the middle of a line lies in an upright box."""
    x, y = sum(point[0] for point in polygon) / len(polygon), sum(point[1] for point in polygon) / len(polygon)
    xs, ys = zip(*box, strict=True)
    return bool(min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys))


def _warning(pages: list[int], code: str, message: str) -> list[Notice]:
    """Return one warning for all of these pages; none where there are none."""
    if not pages:
        return []
    if len(pages) == 1:
        return [Notice(code, message.format(f"on page {pages[0]}"), pages[0])]
    listed = ", ".join(map(str, pages[:_LISTED])) + ("" if len(pages) <= _LISTED else ", …")
    return [Notice(code, message.format(f"on pages {listed}"), None)]
