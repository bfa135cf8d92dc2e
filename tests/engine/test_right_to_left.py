"""A page of Hebrew from its pixels to Markdown: headings, lists and tables are found from the right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.blocks.page_blocks import blocks
from ocrspool.blocks.values import PageLines
from ocrspool.engine.build.builder import build
from ocrspool.engine.loader import load
from ocrspool.engine.plan import plan as planned
from ocrspool.engine_request import EngineRequest, Settings
from ocrspool.pages import PageOptions, ReaderOrder
from support import script_pages
from support.sample_blocks import cells

pytestmark = pytest.mark.engine

FONT = "truetype/dejavu/DejaVuSans.ttf"
WIDTH, HEIGHT, RIGHT = 1654, 1500, 150
TITLE = "מפלסי המים בעמק"
PROSE = (
    "הוועדה השוותה את הפנקסים הישנים עם תוכניות הגשר לפני תחילת החורף,",
    "ומשרד הנמל תיקן שני מנועים עבור המוזאון. כמה מאות מפות נמדדו בלי",
    "תוספת תקציב על ידי קבוצת מתנדבים מן הארכיון המחוזי ומבית הדפוס.",
)
ITEMS = ("1. מפות של הנהר", "2. מכתבים מן הארכיון", "3. ספרים של הספרייה")
ROWS = (("פריט", "כמות", "מחיר"), ("ברגים", "12", "3.50"), ("לוחות", "48", "18.00"), ("צבע", "27", "27.90"))


def _page() -> NDArray[np.uint8]:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)

    def write(x: int, y: int, text: str, size: int = 30) -> None:
        font = ImageFont.truetype(f"/usr/share/fonts/{FONT}", size, layout_engine=ImageFont.Layout.RAQM)
        draw.text((WIDTH - x, y), text, 20, font, "ra", direction="rtl")

    write(RIGHT, 120, TITLE, 54)
    for number, line in enumerate(PROSE):
        write(RIGHT, 260 + 48 * number, line)
    for number, item in enumerate(ITEMS):
        write(RIGHT + 40, 450 + 52 * number, item)
    for number, row in enumerate(ROWS):
        for column, text in enumerate(row):
            write(RIGHT + 380 * column, 720 + 60 * number, text)
    return np.asarray(image)


def test_a_page_of_hebrew(tmp_path: Path) -> None:
    script_pages.skip_unless(("heb", FONT))
    plan = planned(
        EngineRequest(cache=str(tmp_path), readers=(("hebrew", "tesseract:heb"),), settings=Settings(precision="f32"))
    )
    build(plan, lambda _: None)
    recognizer = load(plan, lambda _: None).recognizer
    with recognizer:
        options = PageOptions(readers=ReaderOrder(("default", "hebrew")))
        (read,) = recognizer.recognize([_page()], options)
        recognizer.close_readers()
    texts = [line.text for line in read.lines]
    (found,) = blocks([PageLines(read.lines, WIDTH, HEIGHT, 0, read.rules)])
    assert [block.kind for block in found] == ["heading", "paragraph", *["list-item"] * 3, "table"]
    assert texts[0] == TITLE
    assert [texts[place] for block in found[2:5] for place in block.lines] == list(ITEMS)
    assert found[-1].table
    assert cells(found[-1].table) == [list(row) for row in ROWS]
