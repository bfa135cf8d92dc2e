"""Where PDFium looks for fonts that a PDF names and does not hold: the only files that a decoder may open."""

from __future__ import annotations

FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/share/X11/fonts/Type1",
    "/usr/share/X11/fonts/TTF",
    "/usr/local/share/fonts",
)
