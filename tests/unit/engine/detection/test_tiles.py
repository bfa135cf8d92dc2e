"""Lines of large and long pages: none lost and none twice, whichever tile they lie in and however high they are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrspool.engine.detection import tiles
from ocrspool.engine.detection.detect import Detected, DetectSettings, detect
from ocrspool.engine.detection.letter_height import letters
from ocrspool.engine.detection.overlaps import merged
from support.ink_net import InkNet

REACH = 65


@dataclass(frozen=True)
class Text:
    """A line of hollow boxes in the place of letters: like them, they leave most of the paper white."""

    left: int
    top: int
    height: int
    count: int = 12

    @property
    def width(self) -> int:
        return int(self.count * 0.8 * self.height)

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.width, self.top + self.height

    def draw(self, page: NDArray[np.uint8], level: int = 0) -> None:
        for number in range(self.count):
            left = self.left + int(number * 0.8 * self.height)
            right, bottom = left + int(0.6 * self.height) - 1, self.top + self.height - 1
            stroke = max(2, self.height // 5)
            cv2.rectangle(page, (left, self.top), (right, bottom), level, -1)
            cv2.rectangle(
                page, (left + stroke, self.top + stroke), (right - stroke, bottom - stroke), self._paper(page), -1
            )

    def _paper(self, page: NDArray[np.uint8]) -> int:
        return int(page[-1, -1])


def _page(height: int, width: int, *texts: Text, paper: int = 255, ink: int = 0) -> NDArray[np.uint8]:
    page = np.full((height, width), paper, np.uint8)
    for text in texts:
        text.draw(page, ink)
    return page


def _each_once(found: list[Detected], texts: list[Text]) -> None:
    """Assert that each line is found by one box, all of it, and that there are no other boxes."""
    unmatched = [cv2.boundingRect(line.polygon) for line in found]
    for text in texts:
        left, top, right, bottom = text.box
        slack = text.height + 12  # boxes are grown
        hits = [
            box
            for box in unmatched
            if abs(box[0] - left) <= slack
            and abs(box[1] - top) <= slack
            and abs(box[0] + box[2] - right) <= slack
            and abs(box[1] + box[3] - bottom) <= slack
        ]
        assert len(hits) == 1, (text, hits, unmatched)
        unmatched.remove(hits[0])
    assert unmatched == []


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (4000, 300), (700, 500)])
def test_an_ordinary_page_is_looked_at_as_ever(size: tuple[int, int]) -> None:
    """The same calls of the net, the same lines."""
    page = _page(*size, Text(20, 40, 12), Text(30, 200, 40, 5))
    plain, net = InkNet(reach=REACH), InkNet(reach=REACH)
    expected = detect(plain, page, DetectSettings())
    found = tiles.find_lines(net, page, DetectSettings())
    assert net.shapes == plain.shapes
    assert [line.polygon.tolist() for line in found] == [line.polygon.tolist() for line in expected]


@st.composite
def _pages(draw: st.DrawFn) -> tuple[tuple[int, int], list[Text]]:
    """A long or a large page, and lines in rows that do not touch."""
    long, short = draw(st.integers(4001, 9000)), draw(st.integers(650, 1500))
    height, width = (long, short) if draw(st.booleans()) else (short, long)
    texts: list[Text] = []
    top = draw(st.integers(5, 60))
    while top < height - 60 and len(texts) < 60:
        tall = draw(st.sampled_from([9, 12, 12, 14, 16, 25, 40]))
        # Away from the sides: there the net of these tests would take the edge for ink.
        texts.append(Text(draw(st.integers(110, width - 500)), top, tall))
        top += tall * 3 + draw(st.integers(0, 900 if height > 3000 else 60))
    return (height, width), [text for text in texts if text.top + text.height < height - 5]


@pytest.mark.slow
@given(_pages(), st.sampled_from([(255, 0), (245, 20)]))
@settings(deadline=None, max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_no_line_is_lost_or_doubled(page: tuple[tuple[int, int], list[Text]], levels: tuple[int, int]) -> None:
    (height, width), texts = page
    net = InkNet(most=1344, reach=REACH)
    found = tiles.find_lines(net, _page(height, width, *texts, paper=levels[0], ink=levels[1]), DetectSettings())
    _each_once(found, texts)
    for _, rows, columns, _ in net.shapes:
        assert rows % 32 == columns % 32 == 0
        assert max(rows, columns) <= 1344


def test_small_print_and_a_headline_on_one_sheet_are_both_found() -> None:
    """Letters of 12 pixels beside letters of 900: no single scale shows both."""
    small = [Text(100 + 700 * (row % 7), 2100 + 40 * row, 12, 30) for row in range(100)]
    headline = Text(200, 200, 900, 6)
    net = InkNet(most=1344, reach=REACH)
    found = tiles.find_lines(net, _page(6700, 5200, headline, *small), DetectSettings())
    _each_once(found, [headline, *small])


def test_tiles_without_small_letters_are_not_looked_at() -> None:
    """A label in a corner of a large sheet does not cost a look at all of it; each look is told of."""
    label = Text(5500, 8800, 12)
    net, steps = InkNet(most=1344, reach=REACH), []
    found = tiles.find_lines(net, _page(9300, 6600, label), DetectSettings(), lambda: steps.append(1))
    _each_once(found, [label])
    assert len(net.shapes) <= 3
    assert len(steps) >= len(net.shapes)


def test_a_line_that_leaves_the_tiles_with_small_print_is_found_whole() -> None:
    """Wherever the last of them ends: these lines of high letters begin at every place of a tile."""
    small = [Text(120, 20 + 30 * row, 12) for row in range(3)]
    high = [Text(130 + 150 * row, 130 + 90 * row, 40) for row in range(16)]
    net = InkNet(most=1344, reach=REACH)
    found = tiles.find_lines(net, _page(1700, 9000, *small, *high), DetectSettings())
    _each_once(found, [*small, *high])


def test_a_large_page_of_large_print_is_looked_at_once() -> None:
    """Sixty points at 600 dpi need no tiles."""
    texts = [Text(300, 400 + 1000 * row, 500, 8) for row in range(6)]
    net = InkNet(most=1344, reach=REACH)
    _each_once(tiles.find_lines(net, _page(7016, 4961, *texts), DetectSettings()), texts)
    assert len(net.shapes) == 1


@given(st.integers(1, 3000), st.integers(10, 42))
def test_tiles_keep_every_unit_once_and_away_from_their_edges(length: int, most: int) -> None:
    cut = list(tiles.tiles(length, most))
    assert [tile.kept for tile in cut] == [0, *(tile.kept_end for tile in cut[:-1])]
    assert cut[-1].kept_end == length
    for number, tile in enumerate(cut):
        assert tile.end - tile.start <= most
        assert tile.start <= tile.kept < tile.kept_end <= tile.end
        assert number == 0 or tile.kept - tile.start >= 2
        assert number == len(cut) - 1 or tile.end - tile.kept_end >= 2
    assert len({tile.end - tile.start for tile in cut}) == 1


def test_tiles_of_all_pages_have_few_sizes() -> None:
    """Each shape takes memory of some runtimes for good."""
    assert len({tile.end - tile.start for length in range(1, 2000) for tile in tiles.tiles(length, 40)}) <= 22


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (20, 230), (128, 60)])
@pytest.mark.parametrize("height", [8, 14, 30])
def test_the_height_of_print_is_measured(paper: int, ink: int, height: int) -> None:
    """Dark on light and light on dark, among lines of a drawing and specks."""
    page = _page(2000, 1500, *(Text(50, 60 + 80 * row, height, 20) for row in range(20)), paper=paper, ink=ink)
    cv2.line(page, (0, 0), (1499, 1999), ink, 3)
    cv2.rectangle(page, (700, 100), (1400, 1900), ink, 2)
    for speck in range(0, 1500, 50):
        page[1990:1993, speck : speck + 3] = ink
    measured = letters(page).least_height()
    assert measured is not None
    assert abs(measured - height) <= 2


def test_an_empty_page_has_no_print() -> None:
    assert letters(np.full((50, 4100), 200, np.uint8)).least_height() is None


def _found(left: float, top: float, right: float, bottom: float) -> Detected:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Detected(np.array(corners, np.float32), 0.9)


def test_of_the_same_text_the_finer_box_is_kept() -> None:
    fine = _found(100, 100, 400, 120)
    assert merged([_found(90, 92, 410, 130)], [fine], scale=0.5) == [fine]


def test_a_coarse_box_over_several_lines_gives_way() -> None:
    fine = [_found(100, 100 + 30 * row, 400, 120 + 30 * row) for row in range(8)]
    assert merged([_found(80, 90, 420, 350)], fine, scale=0.5) == fine


def test_what_only_one_look_finds_is_kept() -> None:
    coarse, fine = _found(0, 0, 2000, 500), _found(100, 900, 400, 920)
    assert merged([coarse], [fine], scale=0.5) == [coarse, fine]


def test_pieces_of_a_headline_give_way_to_it() -> None:
    headline = _found(0, 0, 2400, 500)
    pieces = [_found(20 + 400 * number, 20, 320 + 400 * number, 480) for number in range(6)]
    assert merged([headline], pieces, scale=0.5) == [headline]


def test_a_piece_of_a_line_gives_way_to_more_of_it() -> None:
    line = _found(0, 0, 1000, 40)
    assert merged([line], [_found(5, 5, 200, 35)], scale=0.5) == [line]


def test_a_coarse_fragment_of_a_line_gives_way() -> None:
    line = _found(0, 0, 1000, 20)
    assert merged([_found(960, -15, 1010, 35)], [line], scale=0.5) == [line]


def test_neighbors_are_no_parts_of_each_other() -> None:
    coarse, fine = _found(0, 0, 500, 60), [_found(0, 55, 500, 75), _found(490, 20, 800, 40)]
    assert merged([coarse], fine, scale=0.5) == [coarse, *fine]
