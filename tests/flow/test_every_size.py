"""A page of any size, in any kind of pixels, from the file through the decoder's memory to text.

The nets are made up, so that thousands of pages take seconds; what is between file and nets is what production runs.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.decoding.child.page_outputs import write_view
from ocrspool.engine.ocr.recognizer import Recognizer
from ocrspool.pages import PageOptions, PageText
from ocrspool.render import json as as_json
from support import color_bar_nets, drawn_pages, sample_documents
from support.color_bar_nets import CHARACTERS, COLORS
from support.daemon_process import ocrspool
from support.sealed_pages import taken

MOST = 3000
STRIDE = 32
PICTURES = [(640, 480), (480, 640), (512, 512), (800, 600), (1024, 768), (1280, 960), (1920, 1080), (3000, 2000)]
MODES = ("L", "RGB", "RGBA")
LIMITS = PageLimits(dpi=200, pages=10, megapixels=200, side=10_000)
LEAST, SEVERAL = 24, 96
"""Pixels of the short side from which a page has a bar that is found, and from which it has three."""
LONGEST, HIGHEST = 300, 60
"""Pixels of a bar, so that reading it takes no time."""
CHUNK = 64

Size = tuple[int, int]


def sides() -> list[int]:
    """Every small side, each multiple of the nets' stride with a neighbor, and some in between."""
    around = {STRIDE * count + more for count in range(1, MOST // STRIDE + 1) for more in (0, (-1) ** count)}
    between = random.Random(14).sample(range(1, MOST), 40)
    return sorted({*range(1, 2 * STRIDE), *around, *between, MOST})


def pages() -> Iterator[tuple[Size, str]]:
    """Each side as width and as height, with the kind of pixels; in every kind where nothing needs scaling."""
    kinds = itertools.cycle(MODES)
    for side in sides():
        whole = side % STRIDE == 0
        other = 96 if whole else 97
        for size in ((side, other), (other, side)):
            yield from ((size, mode) for mode in (MODES if whole else [next(kinds)]))
    yield from itertools.product(PICTURES, MODES)


def drawn(size: Size, mode: str) -> tuple[Image.Image, str]:
    """Draw bars on white; return also the letters of the lines, from top to bottom."""
    width, height = size
    image = Image.new(mode, size, "white")
    short = min(size)
    if short < LEAST:
        return image, ""
    if short < SEVERAL:
        bars = {"e": (6, 6, min(width - 6, LONGEST), min(height - 6, LONGEST))}
    else:
        tops = zip(COLORS, (height // 10, height * 4 // 10, height * 7 // 10), strict=True)
        right, high = min(width - 6, LONGEST), min(height // 8, HIGHEST)
        bars = {letter: (6, top, right, top + high) for letter, top in tops}
    for letter, bar in bars.items():
        color = COLORS[letter]
        image.paste(color[2] if mode == "L" else color, bar)
    if mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))  # so that it is really transparent
    return image, "".join(bars)


def decoded(image: Image.Image, folder: Path) -> Document:
    """Return the picture as a file that a decoder has opened."""
    made = io.BytesIO()
    image.save(made, "PNG", compress_level=1)
    path = folder / "page.png"
    path.write_bytes(made.getvalue())
    return Document(os.open(path, os.O_RDONLY), LIMITS)


def letters(found: PageText) -> str:
    """Return the one letter of each line; more of them where a line has several."""
    return "".join("".join(sorted(set(line.text))) for line in found.lines)


def read(some: list[tuple[Size, str]], folder: Path, recognizer: Recognizer) -> Iterator[tuple[Size, str, str, str]]:
    """Yield for each page its size and kind, what is on it, and what was read."""
    submitted = []
    for size, mode in some:
        image, text = drawn(size, mode)
        with closing(decoded(image, folder)) as document:
            page, _ = document.page(0)
        assert page.channels == (1 if mode == "L" else 3)
        submitted.append((size, mode, text, recognizer.submit(taken(page), PageOptions())))
    for size, mode, text, future in submitted:
        yield size, mode, text, letters(future.result(timeout=60))


@pytest.mark.timeout(600)
def test_pages_of_every_size_are_read(tmp_path: Path) -> None:
    """None raises an error, and all that are large enough for a line are read."""
    every = list(pages())
    wrong = []
    with Recognizer(color_bar_nets.nets(), CHARACTERS) as recognizer:
        for start in range(0, len(every), CHUNK):
            for size, mode, text, found in read(every[start : start + CHUNK], tmp_path, recognizer):
                if found != text:
                    wrong.append((size, mode, text, found))
    assert wrong == []


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_pictures_of_usual_sizes_are_read_by_the_real_engine(engine_cache: Path, tmp_path: Path) -> None:
    """As files, by the real command, in every kind of pixels; and none of them costs a worker."""
    (tmp_path / "in").mkdir()
    for (width, height), mode in itertools.product([*PICTURES, (1279, 961), (333, 777)], MODES):
        image = Image.new(mode, (width, height), "white")
        line = drawn_pages.page(f"{width} by {height}", size=(320, 90)).convert(mode)
        image.paste(line, (8, height // 2))
        image.save(tmp_path / f"in/{width}x{height}-{mode}.png")
    config = tmp_path / "ocrspool.toml"
    paths = f"[paths]\ncache = '{engine_cache}'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n"
    config.write_text(paths, "utf-8")
    done = ocrspool("once", "--config", config, "--outbox", tmp_path / "out", tmp_path / "in", seconds=280)
    assert done.returncode == 0, done.stderr
    results = sorted(tmp_path.glob("out/**/*.json"))
    assert len(results) == 10 * len(MODES)
    for path in results:
        found = json.loads(path.read_bytes())
        size = path.name.partition("-")[0].replace("x", " by ")
        assert drawn_pages.says(found, size), path.name
        assert found["run"]["attempts"] == 1


VIEWED = [(1, 1), (31, 33), (64, 96), (640, 480), (1024, 768), (1279, 961), (97, 3000), (3000, 96)]


@pytest.mark.parametrize("mode", MODES)
def test_outputs_that_show_pages_of_every_size(tmp_path: Path, mode: str) -> None:
    """They are made of the same sealed memory: a whole HTML page, and a PDF whose page has the picture's colors."""
    for size in VIEWED:
        image, text = drawn(size, mode)
        lines = [sample_documents.line(text, sample_documents.box(0, 0, *size))] if text else []
        result = as_json.render(sample_documents.document(sample_documents.page(*lines, size=size)))
        (tmp_path / "result").write_bytes(result)
        views = {}
        for kind in ("html", "pdf"):
            target = tmp_path / kind
            with (
                (tmp_path / "result").open("rb") as known,
                target.open("wb") as file,
                closing(decoded(image, tmp_path)) as document,
            ):
                write_view(kind, document, known.fileno(), file.fileno())
            views[kind] = target.read_bytes()
        assert views["html"].count(b"data:image/jpeg") == 2, "the page, and the icon in the head"
        assert views["html"].endswith(b"</html>\n")
        with closing(pypdfium2.PdfDocument(views["pdf"])) as pdf:
            assert len(pdf) == 1
            shown = pdf[0].render(scale=200 / 72).to_pil().convert("RGB")
        least = (max(side, 9) for side in size)  # PDF readers take no page below 3 points
        assert all(abs(one - other) <= 2 for one, other in zip(shown.size, least, strict=True)), (shown.size, size)
        if text:
            place = (18, size[1] * 4 // 10 + 2, 22, size[1] * 4 // 10 + 6)
            off = ImageChops.difference(shown.crop(place), image.convert("RGB").crop(place))
            assert max(off.tobytes()) < 25, (size, off.tobytes())
