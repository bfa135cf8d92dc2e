"""The font of the text layer that is shipped is the one that the widths of its letters ask for."""

from __future__ import annotations

from ocrspool.render.pdf.font import FONT
from tools.text_layer_font import font_file


def test_the_shipped_font_is_up_to_date() -> None:
    """Whoever changes a width makes the file anew: .venv/bin/python -m tools.text_layer_font."""
    assert font_file() == FONT
