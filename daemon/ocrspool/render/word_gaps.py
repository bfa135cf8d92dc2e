"""The words of a line with the spaces between them, for formats that have words."""

from __future__ import annotations

from collections.abc import Iterator

from ocrspool.layout.text_direction import runs_from_the_right
from ocrspool.render.line_geometry import placement
from ocrspool.results.schema import Line, Word


def words_of(line: Line) -> Iterator[tuple[str, Word]]:
    """Yield each word of a line with the text before it, which is a space or nothing.

    A line whose words nobody has measured is one word, spaces included.
    """
    if not line.words:
        yield "", Word(line.text, line.confidence, line.polygon)
        return
    place = 0
    for word in line.words:
        start = line.text.find(word.text, place)
        if start < 0:
            start = place
        yield " " if line.text[place:start] else "", word
        place = start + len(word.text)


def as_high_as_the_line(line: Line) -> Iterator[tuple[Word, str]]:
    """Yield each word with the space after it, as text is set over a picture of the page.

    A selection shows even boxes if all words of a line are as high as the line. Each word reaches to the next one, so
    that a space has room and readers of a PDF see no space between two words that have none.
    """
    pieces = list(words_of(line))
    try:
        placed = placement(line.polygon)
    except ValueError:
        return
    (ax, ay), (dx, dy), (left, top) = placed.along, placed.down, placed.corner
    squared = ax * ax + ay * ay

    def along(point: tuple[float, float]) -> float:
        """Return how far along the line a point is: 0 at its start, 1 at its end."""
        return ((point[0] - left) * ax + (point[1] - top) * ay) / squared

    starts = [along(word.polygon[0]) for _, word in pieces]
    ends = [along(word.polygon[1]) for _, word in pieces]
    spaces = [gap for gap, _ in pieces[1:]] + [""]
    if runs_from_the_right(line.text):
        following = [*ends[1:], 1.0]
        starts = [after if after < end else start for start, end, after in zip(starts, ends, following, strict=True)]
    else:
        following = [*starts[1:], 0.0]
        ends = [after if after > start else end for start, end, after in zip(starts, ends, following, strict=True)]
    for (_, word), start, end, space in zip(pieces, starts, ends, spaces, strict=True):
        corners = ((left + ax * share + dx * part, top + ay * share + dy * part)
                   for share, part in ((start, 0), (end, 0), (end, 1), (start, 1)))  # fmt: skip
        yield Word(word.text, word.confidence, tuple(corners)), space
