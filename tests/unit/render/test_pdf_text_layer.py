"""Where the letters of a PDF's invisible text stand, as PDFium sees them."""

from __future__ import annotations

import contextlib
import io

import pikepdf
import pypdfium2
import pytest

from ocrspool.render.pdf.text_layer import Frame, TextLayer
from support.sample_documents import box, line, page

SIZE = (600, 200)


def _places(text: str) -> dict[str, float]:
    """Return the middle of each letter of a line that lies from x = 100 to x = 500."""
    read = page(line(text, box(100, 50, 500, 90)), size=SIZE)
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=SIZE)
    layer = TextLayer(pdf)
    layer.add(pdf.pages[0], read, Frame((0, SIZE[1]), (SIZE[0], 0), (0, -SIZE[1])))
    layer.close()
    made = io.BytesIO()
    pdf.save(made)
    with contextlib.closing(pypdfium2.PdfDocument(made.getvalue())) as opened:
        text_page = opened[0].get_textpage()
        letters = [text_page.get_text_range(place, 1) for place in range(text_page.count_chars())]
        boxes = [text_page.get_charbox(place, loose=True) for place in range(len(letters))]
    return {letter: (left + right) / 2 for letter, (left, _, right, _) in zip(letters, boxes, strict=True)}


@pytest.mark.parametrize(
    ("text", "from_the_left"),
    [("abc", "abc"), ("\u05d0\u05d1\u05d2", "\u05d2\u05d1\u05d0"), ("\u05d0-17", "17-\u05d0")],
    ids=["latin", "hebrew", "a number after a hebrew letter"],
)
def test_letters_stand_as_on_the_page(text: str, from_the_left: str) -> None:
    places = _places(text)
    assert sorted(places, key=lambda letter: places[letter]) == list(from_the_left)
    assert min(places.values()) >= 100
    assert max(places.values()) <= 500
