"""Every step of recognition works on pages that nobody may write, and leaves them as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.engine.detection import detect, letter_height, single_row, tiles
from ocrspool.engine.detection.detect import DetectSettings
from ocrspool.engine.ocr import ink
from ocrspool.engine.ocr.recognizer import Nets, Recognizer
from ocrspool.engine.reading import crop, orientation, recognize
from ocrspool.engine.reading.crop import Cuts
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.pages import PageOptions
from support import color_bar_nets
from support.sealed_pages import mapped

Pixels = NDArray[np.uint8]

NETS = color_bar_nets.nets()
LEVEL = np.array([(32, 40), (200, 40), (200, 72), (32, 72)], np.float32)
TILTED = np.array([(30, 100), (200, 110), (198, 140), (28, 130)], np.float32)
DOWN = np.array([(220, 10), (250, 10), (250, 150), (220, 150)], np.float32)
OUTSIDE = LEVEL + np.array((100, 100), np.float32)
LINES = [LEVEL, TILTED, DOWN, OUTSIDE]


def _read(lines: list[Pixels]) -> list[recognize.Reading]:
    strips = [recognize.strips(line, NETS.recognition, ReadSettings())[0] for line in lines]
    return [recognize.read(NETS.recognition, [strip], color_bar_nets.CHARACTERS, ReadSettings())[0] for strip in strips]


def _every_rotation(page: Pixels) -> None:
    for rotation in (90, 180, 270):
        orientation.turned_page(page, rotation)


def _long_line(page: Pixels) -> None:
    assert len(recognize.strips(page[:4], NETS.recognition, ReadSettings())) > 1


STEPS: dict[str, Callable[[Pixels], object]] = {
    "detect, as it is": lambda page: detect.detect(NETS.detection, page, DetectSettings()),
    "detect, scaled": lambda page: detect.detect(NETS.detection, page[1:, 1:], DetectSettings()),
    "detect, reduced": lambda page: detect.detect(NETS.detection, page, DetectSettings(side=128)),
    "detect, large and small letters": lambda page: tiles.find_lines(NETS.detection, page, DetectSettings()),
    "height of print": letter_height.letters,
    "a tight picture": lambda page: (single_row.one_row(page[:96, :220]), single_row.padded(page[:96, :220])),
    "ink": ink.has_ink,
    "crop": lambda page: [crop.crop(page, crop.quarter_turned(line, turn)) for line in LINES for turn in range(4)],
    "strips": lambda page: [recognize.strips(page, NETS.recognition, ReadSettings())],
    "strips of a long line": _long_line,
    "read": lambda page: _read([crop.crop(page, line) for line in LINES]),
    "which way up": lambda page: orientation.page_rotation(Cuts(page).see, [LEVEL, TILTED], NETS.classifier, _read),
    "which way across": lambda page: orientation.page_rotation(Cuts(page).see, [DOWN], NETS.classifier, _read),
    "upside down": lambda page: orientation.upside_down(NETS.classifier, [lambda: page, lambda: page[:48, :192]]),
    "turn": _every_rotation,
}


def _page(channels: int) -> Pixels:
    """Return a page of 256 by 160 pixels, multiples of the nets' stride."""
    page = np.full((160, 512), 255, np.uint8)
    page[44:68, 36:196] = 20
    page[12:148, 222:248] = 50
    return page if channels == 1 else np.dstack([page, page, page])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_on_sealed_memory(step: str, channels: int) -> None:
    """It raises nothing, and the page is as it was."""
    page = mapped(_page(channels))
    STEPS[step](page)
    assert (page == _page(channels)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_pages_are_sealed_for_a_recognizer_wherever_they_are(channels: int) -> None:
    """A test that hands over memory of its own sees what production sees: nobody may write it."""
    seen: list[bool] = []

    class Watched(color_bar_nets.Ink):
        def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
            seen.append(batch.flags.writeable)
            return super().__call__(batch)

    page = _page(channels)
    with Recognizer(Nets(Watched(), NETS.recognition, NETS.classifier), color_bar_nets.CHARACTERS) as recognizer:
        recognizer.recognize([page], PageOptions("off"))
    assert seen == [channels == 1], "a page in color is its own map, one in grey is converted"
    assert page.flags.writeable, "it stays the caller's"
