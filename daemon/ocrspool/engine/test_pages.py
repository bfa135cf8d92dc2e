"""The pages whose text is known, and what an engine reads on them.

The known page is small, because every start reads it. It uses all three nets. The gate page has more of what pages
have, and is read when an engine is built (compare). tools/gate_page.py draws the gate page.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocrspool.errors import EngineError
from ocrspool.pages import DEFAULT_ORDER, PageOptions, ReaderOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocrspool.engine.ocr.recognizer import Recognizer
    from ocrspool.engine.spec import Pixels
    from ocrspool.pages import PageText


@dataclass(frozen=True, slots=True)
class KnownPage:
    """One page of the installation."""

    name: str
    """As in messages, after "the"."""
    file: str
    lines: tuple[str, ...]
    """What is written on it."""
    upside_down: bool = False
    """Shown to the engine turned by 180 degrees, so that the classifier has to find that out."""


KNOWN = KnownPage("known page", "known-page.png", ("Known page: 0123456789", "Grüße, señor – 1.234,56 €"))  # noqa: RUF001 - a dash
TURNED = KnownPage("known page upside down", KNOWN.file, KNOWN.lines, upside_down=True)
GATE = KnownPage(
    "gate page",
    "gate-page.png",
    (
        "Invoice No. 2026-0417",
        "The quick brown fox jumps over the lazy dog while seventy-two judges weigh boxes of quartz.",
        "发票 合计金额 中文识别 北京",
        "4006381333931 pencils, box of 12",
        "17.40",
        "9781861972712 paper, 80 g/m2",
        "1,268.95",
        "TOTAL EUR 1,286.35 due 31/12/2026",
        "https://example.org/pay?id=73&key=A1-b2_C3",
        "slightly tilted words: 86 + 14 = 100",
    ),
)
PAGES = (KNOWN, TURNED, GATE)


_KNOWN_LINES = ((8, 10, 312, 44), (8, 50, 312, 82))
"""Left, top, right and bottom of the lines of the known page."""


def known_lines() -> list[Pixels]:
    """Return the pixels [h, w] of the lines of the known page. Raise EngineError where the file is damaged."""
    page = _pixels(KNOWN)
    return [page[top:bottom, left:right] for left, top, right, bottom in _KNOWN_LINES]


def known_text(recognizer: Recognizer, order: ReaderOrder = DEFAULT_ORDER) -> list[str]:
    """Return the lines that an engine reads on the known page alone. Raise EngineError where the file is damaged."""
    (found,) = recognizer.recognize([_pixels(KNOWN)], PageOptions(readers=order))
    return [line.text for line in found.lines]


def read(recognizer: Recognizer, order: ReaderOrder = DEFAULT_ORDER) -> dict[KnownPage, PageText]:
    """Return what an engine reads on all pages, side by side as it will have to. Raise EngineError."""
    found = recognizer.recognize([_pixels(page) for page in PAGES], PageOptions(readers=order))
    return dict(zip(PAGES, found, strict=True))


def read_by_all(recognizer: Recognizer, orders: Mapping[str, ReaderOrder]) -> dict[str, dict[KnownPage, PageText]]:
    """Return what is read on all pages with each of these readers and finders, by the same keys."""
    return {key: read(recognizer, order) for key, order in orders.items()}


def _pixels(page: KnownPage) -> Pixels:
    """Return the page in grey [h, w]."""
    data = resources.files("ocrspool").joinpath(f"data/{page.file}").read_bytes()
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    if pixels is None:
        raise EngineError(f"the {page.name} in the installation is damaged", "install ocrspool again")
    return np.ascontiguousarray(pixels[::-1, ::-1]) if page.upside_down else pixels
