"""Lines that follow each other become paragraphs: by distances, indents, sizes, and the ends of lines. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ocrspool.blocks import markers
from ocrspool.blocks.characters import SENTENCE_ENDS
from ocrspool.blocks.items import Item, same_row
from ocrspool.layout.text_direction import runs_from_the_right

_USUAL_PITCH = 1.25  # distance of lines, in sizes of their font, where a document does not tell
_MOST_PITCH = 3.2  # lines further apart than this say nothing of the distance of lines
_LOOSER = 1.18  # times the usual distance, from which on another paragraph begins
_NOISE = 0.08  # of a font's size, by which distances of equal lines differ
_OTHER_SIZE = 1.17  # ratio of sizes from which on two lines are set in different fonts
_MEASURED_OTHERWISE = 1.35  # ratio of sizes up to which it may be measured so by mistake
_FEW = 4  # characters; the size of a shorter line is not sure
_INDENT = 0.8  # of a font's size; a line that begins this much further right is indented
_HANGING = 2.3  # sizes by which the text of a list item may stand further right than its bullet
_SMALLER = 0.93  # size, as a multiple of the usual one, up to which a text is set smaller
_APART = 6.0  # sizes; lines that begin and end this far apart are in no column together
_RAGGED = 0.12  # of the width of a column, by which a line may be short and go on all the same
_TITLE = 0.6  # of the width of a column, up to which a line with a number may be the title of what begins below it
_FULL = 0.8  # likewise: text that begins there fills its line, or wraps
_TEXT = 30  # characters; what has fewer may be an entry of a list
_BOLDER = 1.18  # ratio of strokes from which on one of two lines is bold


@dataclass(frozen=True, slots=True)
class Style:
    """What is usual in a document."""

    size: float
    """Of the font of most of its text."""
    stroke: float | None
    """Of the same."""
    pitch: float
    """Distance from line to line, as a multiple of the font's size."""

    def is_bold(self, item: Item) -> bool:
        """Return whether a line has thicker strokes than most of the text."""
        if item.stroke is None or self.stroke is None or len(item.text) < _FEW:
            return False
        thick = item.stroke * item.size >= _BOLDER * self.stroke * self.size  # else only its size was taken for less
        return thick and item.stroke >= _BOLDER * self.stroke


def style_of(streams: Iterable[Sequence[Item]]) -> Style:
    """Return what is usual in a document, where each line counts by its characters."""
    kept = [list(stream) for stream in streams]
    items = [item for stream in kept for item in stream if not item.runs_down]
    if not items:
        return Style(1.0, None, _USUAL_PITCH)
    size = _weighted_median((item.size, len(item.text)) for item in items)
    strokes = [(item.stroke, len(item.text)) for item in items if item.stroke is not None]
    stroke = _weighted_median(strokes) if strokes else None
    return Style(size, stroke, _pitch([pitch for stream in kept for pitch in _pitches(stream)]))


def _weighted_median(values: Iterable[tuple[float, int]]) -> float:
    ordered = sorted(values)
    half = sum(weight for _, weight in ordered) / 2
    for value, weight in ordered:
        half -= weight
        if half <= 0:
            return value
    return ordered[-1][0]


def _pitches(stream: Sequence[Item]) -> list[float]:
    pairs = [(above, below) for above, below in itertools.pairwise(stream) if _alike(above, below)]
    found = [(below.middle - above.middle) / max(above.size, below.size) for above, below in pairs]
    return [pitch for pitch in found if 0 < pitch <= _MOST_PITCH]


def _pitch(found: list[float]) -> float:
    """Return the distance that most lines keep: the densest quarter of all distances, and of equals the least."""
    if not found:
        return _USUAL_PITCH
    ordered = sorted(found)
    count = max(len(ordered) // 3, 1)
    start = min(range(len(ordered) - count + 1), key=lambda at: (ordered[at + count - 1] - ordered[at], at))
    return median(ordered[start : start + count])


def streams(items: Sequence[Item]) -> list[list[Item]]:
    """Cut the lines of a page, in reading order, where the next one does not go on below: columns, and great gaps."""
    found: list[list[Item]] = []
    for item in items:
        if found and _goes_on(found[-1], item):
            found[-1].append(item)
        else:
            found.append([item])
    return found


def _goes_on(stream: Sequence[Item], item: Item) -> bool:
    last = stream[-1]
    if last.runs_down or item.runs_down:
        return last.runs_down and item.runs_down and item.right <= last.left + item.width
    if same_row(last, item) or item.middle < last.middle:
        return False
    size = max(last.size, item.size)
    if item.top - last.bottom > _MOST_PITCH * size:
        return False
    shared = min(last.right, item.right) - max(last.left, item.left)
    near = min(abs(last.left - item.left), abs(last.right - item.right)) <= _APART * size
    return shared > 0 and (near or abs(last.center - item.center) <= size)


def paragraphs(stream: Sequence[Item], style: Style) -> list[list[Item]]:
    """Cut a stream of lines into paragraphs."""
    if stream[0].runs_down:
        return [list(stream)]
    own = _pitches(stream)
    pitch = _pitch(own) if len(own) > 3 else style.pitch  # noqa: PLR2004 - too few to tell
    pitch = min(pitch, 1.5 * style.pitch)
    left = sorted(item.left for item in stream)[len(stream) // 5]
    right = sorted(item.right for item in stream)[-1 - len(stream) // 10]
    found = [[stream[0]]]
    for place, (above, below) in enumerate(itertools.pairwise(stream), 1):
        after = stream[place + 1] if place + 1 < len(stream) else None
        if (
            _is_apart(found[-1], below, pitch)
            or (_set_otherwise(above, below) and not _goes_on_in_sentence(above, below))
            or _begins(found[-1], below, after, left)
            or _is_next_footnote(found[-1], below, style)
            or _ended(above, below, left, right)
            or _is_title(found[-1], below, left, right)
        ):
            found.append([below])
        else:
            found[-1].append(below)
    return found


def _is_apart(group: Sequence[Item], below: Item, pitch: float) -> bool:
    above = group[-1]
    size = max(above.size, below.size)
    distance = below.middle - above.middle
    usual = pitch * size
    if len(group) > 1:  # what the paragraph itself has
        usual = max(min(usual, median(b.middle - a.middle for a, b in itertools.pairwise(group))), 0.8 * usual)
    return distance > _LOOSER * usual + _NOISE * size


def _alike(above: Item, below: Item) -> bool:
    if min(len(above.text), len(below.text)) < _FEW:
        return max(above.height, below.height) < 1.8 * min(above.height, below.height)
    return max(above.size, below.size) < _OTHER_SIZE * min(above.size, below.size)


def _set_otherwise(above: Item, below: Item) -> bool:
    """Return whether two lines differ in the size or in the weight of their letters."""
    return not _alike(above, below) or _other_stroke(above, below)


def _other_stroke(above: Item, below: Item) -> bool:
    if above.stroke is None or below.stroke is None or min(len(above.text), len(below.text)) <= _FEW:
        return False
    one, two = above.stroke * above.size, below.stroke * below.size
    return max(one, two) > _BOLDER * min(one, two)


def _goes_on_in_sentence(above: Item, below: Item) -> bool:
    """Return whether a sentence goes on from line to line: then a small difference is one of measuring."""
    ratio = max(above.size, below.size) / min(above.size, below.size)
    return below.text[:1].islower() and not above.text.rstrip().endswith(SENTENCE_ENDS) and ratio < _MEASURED_OTHERWISE


def _begins(group: Sequence[Item], below: Item, after: Item | None, left: float) -> bool:
    """Return whether a line begins as the first one of a paragraph or of a list item does."""
    above = group[-1]
    indent = _INDENT * below.size
    in_item = starts_item(group[0].text)
    if markers.bullet(below.text) and (in_item or below.left <= above.left + indent):
        return True
    if in_item and (_leaves_item(group, below, indent) or below.left - group[0].left > _HANGING * below.size):
        return True
    if is_item_start(below, group[0]):
        return True
    centered = abs(above.center - below.center) <= below.size and abs(above.left - below.left) > indent
    if centered or below.left - above.left < indent:
        return False
    # Indented more than the line above, and the next line is back: the first line of a paragraph.
    back = after is None or after.left <= below.left - indent
    return back and not (in_item and len(group) == 1) and abs(above.left - left) <= indent


def _leaves_item(group: Sequence[Item], below: Item, indent: float) -> bool:
    """Return whether a line stands further left than the item above goes, or begins another one beside it."""
    first = group[0]
    if below.left < first.left - indent:
        return True
    beside = below.left <= first.left + indent
    return beside and (bool(markers.ordinal(below.text)) or (len(group) > 1 and group[-1].left > first.left + indent))


def _is_next_footnote(group: Sequence[Item], below: Item, style: Style) -> bool:
    small = max(below.size, group[0].size) <= _SMALLER * style.size
    return small and markers.is_footnote(below.text) and markers.is_footnote(group[0].text)


def starts_item(text: str) -> bool:
    """Return whether a text begins with a bullet or the number of a list item."""
    return bool(markers.bullet(text) or markers.ordinal(text))


def is_item_start(below: Item, first: Item) -> bool:
    """Return whether a line has the number that follows the one with which a list item began, or the first one."""
    value = markers.ordinal_value(below.text)
    if value is None:
        return False
    before = markers.ordinal_value(first.text)
    if before is not None and before[0] == value[0] and value[1] == before[1] + 1:
        return True
    return value[1] == 1 and len(below.text) > _FEW


def _ended(above: Item, below: Item, left: float, right: float) -> bool:
    """Return whether the line above ended a paragraph: it is short, although the next word had room in it."""
    word = below.text.split(" ", 1)[0]
    room = below.width * len(word) / max(len(below.text), 1) + below.size / 2
    short = right - above.right > max(room, _RAGGED * (right - left))
    return short and above.text.rstrip().endswith(SENTENCE_ENDS) and _begins_sentence(below)


def _begins_sentence(item: Item) -> bool:
    return item.text[:1].isupper() or runs_from_the_right(item.text[:1])  # those scripts have no capitals


def _is_title(group: Sequence[Item], below: Item, left: float, right: float) -> bool:
    """Return whether the line above is the title of a section: a number and a few words, and text begins below it."""
    above = group[-1]
    return (
        len(group) == 1
        and markers.section_depth(above.text) is not None
        and not above.text.rstrip().endswith(SENTENCE_ENDS)
        and above.right - left <= _TITLE * (right - left)
        and below.right - left >= _FULL * (right - left)
        and len(below.text) >= _TEXT
        and _begins_sentence(below)
    )
