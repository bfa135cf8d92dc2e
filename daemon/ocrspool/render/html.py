"""One HTML page that holds everything: the scan, selectable text over it, and a tint that shows where to be careful.

It has no script and no font, and loads nothing from elsewhere. A policy in its head forbids the browser to fetch or run
anything. Each page is one SVG, so that picture, tints and text scale together, and skewed text is set skewed.

A small picture of the first page is in the head: it is the icon of a browser's tab, and the status page shows it.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from ocrspool.render.line_geometry import placement
from ocrspool.render.page_picture import Painter, Picture, ShownPages
from ocrspool.render.word_gaps import as_high_as_the_line
from ocrspool.render.xml_escape import escaped
from ocrspool.results.schema import Document, Line, Page, Word

_HEAD = """<!DOCTYPE html>
<html lang="und">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
{icon}<title>{name}</title>
<style>
body {{ margin: 0 auto; padding: 1rem; max-width: 75rem; background: #ddd; color: #222; font: 1rem sans-serif }}
h1 {{ font-size: 1.2rem; overflow-wrap: anywhere }}
section {{ margin: 1.5rem 0; content-visibility: auto; contain-intrinsic-size: auto 90rem }}
svg {{ display: block; width: 100%; height: auto; background: #fff; box-shadow: 0 1px 6px #0006 }}
polygon {{ fill-opacity: .18; stroke-opacity: .5; stroke-width: 1px; vector-effect: non-scaling-stroke }}
text {{ fill: transparent; font-family: sans-serif; white-space: pre; cursor: text }}
text::selection {{ background: #06f6 }}
.lost {{ padding: 2rem; background: #fff }}
@media print {{ body {{ background: none; padding: 0 }} polygon {{ display: none }} }}
</style>
</head>
<body>
<h1>{name}</h1>
<p>Pages: {pages}. Lines: {lines}, each tinted from red (read with a confidence of 0.5 or less) to green (1).</p>
"""
_ICON = '<link rel="icon" href="data:image/jpeg;base64,{}">\n'
_ICON_AGAIN = re.compile(rb'<link rel="icon" href="data:image/jpeg;base64,([A-Za-z0-9+/]+={0,2})">')
_JPEG = b"\xff\xd8\xff"
HEAD_BYTES = 32 * 1024
"""How far from its beginning a file has its icon, with room to spare: a sheet of noise comes to 16 KB."""
_TAIL = "</body>\n</html>\n"
_QUALITY = 70
"""Of the JPEG pictures."""
_SURE, _UNSURE = 1.0, 0.5
_GREEN_DEGREES = 120
_BASELINE = 0.78
"""Share of a line's height above the line that its letters stand on."""
_TURNS = {0: "", 90: "translate({height} 0) rotate(90)", 180: "translate({width} {height}) rotate(180)",
          270: "translate(0 {width}) rotate(270)"}  # fmt: skip
"""How a page is turned to be read, by `rotation`."""


def write_pages(document: Document, pages: ShownPages, file: BinaryIO) -> bool:
    """Write the document to `file` (see ShownPages)."""
    write(document, partial(pages.picture, quality=_QUALITY), pages.small, file)
    return True


def write(document: Document, paint: Painter, shrink: Callable[[Picture, int], bytes], file: BinaryIO) -> None:
    """Write the document to `file`, page by page. Raises what `paint` raises.

    `shrink` makes a small JPEG of a picture, turned clockwise by so many degrees.
    """
    first = next((page for page in document.pages if page.error is None), None)
    picture = None if first is None else paint(first)
    icon = "" if first is None or picture is None else _icon(shrink(picture, first.rotation))
    lines = sum(len(page.lines) for page in document.pages)
    head = _HEAD.format(icon=icon, name=escaped(document.source.name), pages=len(document.pages), lines=lines)
    file.write(head.encode())
    for page in document.pages:
        if page is not first:
            picture = None if page.error else paint(page)
        file.writelines(piece.encode() for piece in _page(page, picture))
    file.write(_TAIL.encode())


def icon_of(head: bytes) -> bytes:
    """Return the small picture, a JPEG file, of which `head` is the beginning; b"" where there is none."""
    found = _ICON_AGAIN.search(head)
    try:
        icon = b64decode(found[1]) if found else b""
    except ValueError:
        return b""
    return icon if icon.startswith(_JPEG) else b""


def _icon(picture: bytes) -> str:
    return _ICON.format(b64encode(picture).decode("ascii"))


def _page(page: Page, picture: Picture | None) -> Iterator[str]:
    yield f'<section id="page{page.number}">\n<p>{_caption(page)}</p>\n'
    if picture is not None:
        width, height = (page.height, page.width) if page.rotation in {90, 270} else (page.width, page.height)
        yield f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="page {page.number}">\n'
        turn = _TURNS.get(page.rotation, "").format(width=page.width, height=page.height)
        yield f'<g transform="{turn}">\n' if turn else "<g>\n"
        yield from _picture(page, picture)
        for line in page.lines:
            yield _line(line)
        yield "</g>\n</svg>\n"
    elif page.error is not None:
        yield f'<p class="lost">{escaped(page.error.message)}</p>\n'
    yield "</section>\n"


def _caption(page: Page) -> str:
    if page.confidence is None:
        return f"Page {page.number}: no text"
    own = ", the text of the PDF itself" if page.text_from == "pdf" else ""
    return f"Page {page.number}: {len(page.lines)} lines, confidence {page.confidence:.2f}{own}"


def _picture(page: Page, picture: Picture) -> Iterator[str]:
    yield f'<image width="{page.width}" height="{page.height}" preserveAspectRatio="none"'
    yield f' href="data:image/{picture.kind};base64,'
    yield b64encode(picture.data).decode("ascii")
    yield '"/>\n'


def _line(line: Line) -> str:
    share = min(1.0, max(0.0, (line.confidence - _UNSURE) / (_SURE - _UNSURE)))
    color = f"hsl({round(_GREEN_DEGREES * share)} 90% 40%)"
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line.polygon)
    polygon = f'<polygon points="{points}" fill="{color}" stroke="{color}"/>'
    return polygon + "".join(_word(*piece) for piece in as_high_as_the_line(line)) + "\n"


def _word(word: Word, space: str) -> str:
    try:
        placed = placement(word.polygon)
    except ValueError:
        return ""
    (ax, ay), (dx, dy) = placed.along, placed.down
    unit = (ax / placed.width, ay / placed.width, dx / placed.height, dy / placed.height, *placed.corner)
    matrix = " ".join(f"{value:.4f}" for value in unit)
    return (
        f'<text transform="matrix({matrix})" y="{placed.height * _BASELINE:.1f}" font-size="{placed.height:.1f}"'
        f' textLength="{placed.width:.1f}" lengthAdjust="spacingAndGlyphs">{escaped(word.text + space)}'
        f"<title>{word.confidence:.2f}</title></text>"
    )
