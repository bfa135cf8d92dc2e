"""What a paragraph is: a heading, an item of a list, a caption, a footnote, or a paragraph. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ocrspool.blocks import markers
from ocrspool.blocks.characters import CLAUSE_ENDS, FULL_STOPS
from ocrspool.blocks.items import Item
from ocrspool.blocks.paragraphs import Style
from ocrspool.blocks.values import Kind

_LARGER = 1.17  # size, as a multiple of the usual one, from which on a short paragraph is a heading by itself
_LEAST = 0.8  # likewise: a heading of plain size may be measured a little smaller
_ABBREVIATED = 3  # words; what has no more of them and ends in a full stop may be a name: "Smith Ltd."
_THIN = 0.8  # of the usual strokes: print that is larger has no thinner ones
_MUCH_LARGER = 1.35  # likewise, even if no space sets it apart
_SMALLER = 0.93  # size, as a multiple of the usual one, up to which a footnote or a caption is set
_SAME_HEADING = 1.25  # ratio of sizes up to which two lines may be one heading
_HEADING_PITCH = 1.45  # distance of the lines of a heading, in sizes of the font
_MOST_LINES = 3  # of a heading
_MOST_CHARACTERS = 160
_LETTERS = 0.5  # share of the characters of a heading that are letters, at least
_LEAST_LETTERS = 3
_SPACE = 1.15  # distance to the line above, as a multiple of the usual one: a heading of plain size has more
_NARROW = 0.9  # of the width of the column; a heading of plain size leaves more than the rest free
_LOW = 0.6  # of the height of a page: footnotes stand below


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, and what is beside them."""

    items: list[Item]
    column: tuple[float, float]
    """From where to where the column reaches in which they stand."""
    above: float | None
    """Distance to the line above in the same column, in sizes of the font. None if there is none."""
    below: float | None
    beside: bool = False
    """Whether it is a line that stands alone in its column, with another one beside it."""
    after: str = ""
    """The beginning of the next paragraph in the same column."""
    kind: Kind = "paragraph"
    level: int | None = None

    @property
    def first(self) -> Item:
        """The first line."""
        return self.items[0]

    @property
    def text(self) -> str:
        """What it says."""
        return " ".join(item.text for item in self.items)

    @property
    def size(self) -> float:
        """Of its font."""
        return median(item.size for item in self.items)


def kind_of(paragraph: Paragraph, style: Style, page_height: float) -> Kind:
    """Return what a paragraph is, by itself and by what is usual in the document."""
    text = paragraph.text.strip()
    if paragraph.first.runs_down:
        return "paragraph"
    if markers.is_caption(text) and len(paragraph.items) <= 2 * _MOST_LINES:
        return "heading" if _is_larger(paragraph, style) and _may_be_heading(paragraph) else "caption"
    small = paragraph.size <= _SMALLER * style.size
    if small and markers.is_footnote(text) and paragraph.first.top >= _LOW * page_height:
        return "footnote"
    if is_heading(paragraph, style):
        return "heading"
    if markers.bullet(text) or markers.ordinal(text):
        return "list-item"
    return "paragraph"


def is_heading(paragraph: Paragraph, style: Style) -> bool:
    """Return whether a paragraph is a heading: short, and larger, bolder, in capitals or numbered, and set apart."""
    if not _may_be_heading(paragraph) or markers.bullet(paragraph.text):
        return False
    if _is_larger(paragraph, style) and not (_is_sentence(paragraph) or _is_entry(paragraph.text)):
        # The last words of a paragraph, alone in their line, say little of their size.
        much_larger = paragraph.size >= _MUCH_LARGER * style.size and not paragraph.text.endswith(FULL_STOPS)
        return not _is_handwriting(paragraph, style) and (much_larger or _has_space_above(paragraph, style))
    return _is_heading_of_text_size(paragraph, style)


def _is_handwriting(paragraph: Paragraph, style: Style) -> bool:
    """Return whether a larger line beside another one has thinner strokes than the text."""
    stroke = paragraph.first.stroke
    return paragraph.beside and bool(style.stroke and stroke and stroke < _THIN * style.stroke)


def _is_heading_of_text_size(paragraph: Paragraph, style: Style) -> bool:
    """Return whether a paragraph that is no larger than the text is a heading."""
    if paragraph.beside or paragraph.text.rstrip().endswith((*FULL_STOPS, ":")):
        return False
    if len(paragraph.items) >= _MOST_LINES or not _has_space_above(paragraph, style):
        return False
    if paragraph.size < _LEAST * style.size:
        return False
    if all(style.is_bold(item) for item in paragraph.items):
        return True
    if paragraph.below is None or not _is_narrow(paragraph):
        return False
    return _is_capitals(paragraph.text) or _is_section(paragraph)


def _may_be_heading(paragraph: Paragraph) -> bool:
    text = paragraph.text.strip()
    letters = sum(character.isalpha() for character in text)
    spaces = text.count(" ")
    return (
        len(paragraph.items) <= _MOST_LINES
        and letters >= _LEAST_LETTERS
        and letters >= _LETTERS * (len(text) - spaces)
        and len(text) <= _MOST_CHARACTERS
        and not text.endswith(CLAUSE_ENDS)
    )


def _is_sentence(paragraph: Paragraph) -> bool:
    """Return whether a larger text is a sentence, or the size of a few letters was taken for larger."""
    text = paragraph.text.rstrip()
    return text.endswith(FULL_STOPS) and len(text.split()) > _ABBREVIATED


def _is_entry(text: str) -> bool:
    """Return whether it is a label and a value, as forms and receipts have them: "Invoice No.: 17"."""
    label, colon, value = text.partition(":")
    return bool(colon) and bool(value.strip()) and any(map(str.isdigit, value)) and len(label) < len(text)


def _is_larger(paragraph: Paragraph, style: Style) -> bool:
    return paragraph.size >= _LARGER * style.size


def _has_space_above(paragraph: Paragraph, style: Style) -> bool:
    """Return whether there is more space above than between lines."""
    return paragraph.above is None or paragraph.above >= _SPACE * style.pitch


def _is_narrow(paragraph: Paragraph) -> bool:
    left, right = paragraph.column
    return max(item.right for item in paragraph.items) - left <= _NARROW * (right - left)


def _is_capitals(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return len(letters) > _LEAST_LETTERS and all(character.isupper() for character in letters)


def _is_section(paragraph: Paragraph) -> bool:
    """Return whether it begins with the number of a section, and is no sentence and no item of a list."""
    is_item = markers.bullet(paragraph.after) or markers.ordinal(paragraph.after)
    return len(paragraph.items) == 1 and not is_item and markers.section_depth(paragraph.text) is not None


def joined_headings(paragraphs: Sequence[Paragraph], style: Style) -> list[Paragraph]:
    """Return the paragraphs of a stream with the lines of a heading in one, although their sizes differ a little."""
    found: list[Paragraph] = []
    for paragraph in paragraphs:
        before = found[-1] if found else None
        if before and _is_next_line_of_heading(before, paragraph, style):
            before.items += paragraph.items
            before.below = paragraph.below
        else:
            found.append(paragraph)
    return found


def _is_next_line_of_heading(before: Paragraph, paragraph: Paragraph, style: Style) -> bool:
    if before.kind != "heading" or paragraph.kind != "heading" or paragraph.above is None:
        return False
    alike = max(before.size, paragraph.size) <= _SAME_HEADING * min(before.size, paragraph.size)
    near = (
        paragraph.above <= max(_HEADING_PITCH, _SPACE * style.pitch)
        and len(before.items) + len(paragraph.items) <= _MOST_LINES
    )
    return alike and near and markers.section_depth(paragraph.text) is None


def item_levels(paragraphs: Sequence[Paragraph]) -> None:
    """Set the level of each list item of a page, by the indents of the items around it."""
    lefts: list[float] = []
    for paragraph in paragraphs:
        if paragraph.kind != "list-item":
            if paragraph.kind != "paragraph" or not lefts or paragraph.first.left < lefts[0]:
                lefts = []
            continue
        near = paragraph.size
        while lefts and paragraph.first.left < lefts[-1] - near:
            lefts.pop()
        if not lefts or paragraph.first.left > lefts[-1] + near:
            lefts.append(paragraph.first.left)
        paragraph.level = len(lefts)
