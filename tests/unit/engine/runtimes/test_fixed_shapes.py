"""A few shapes that do for all: every input finds one that holds it, and what comes back is its part of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.engine.runtimes.fixed_shapes import FixedShapesNet, shapes, widths
from ocrspool.engine.spec import PADDING, NetSpec, Role, Shape, ShapeProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

PROFILES = {
    "detection": ShapeProfile((1, 32, 32, 3), (1, 1280, 960, 3), (1, 1344, 1344, 3)),
    "recognition": ShapeProfile((1, 48, 32, 3), (8, 48, 320, 3), (8, 48, 1600, 3)),
    "classifier": ShapeProfile((1, 48, 192, 3), (8, 48, 192, 3), (8, 48, 192, 3)),
}


class OneShape:
    """A net that takes one shape: gives back every eighth column's red, as a step each, or every pixel's."""

    parallel = 2
    warm_up = ()

    def __init__(self, role: Role, shape: Shape) -> None:
        self._role = role
        self.batch = shape[0]
        self.profile = ShapeProfile(shape, shape, shape)

    def __call__(self, batch: Pixels) -> tuple[NDArray[np.uint8], ...]:
        self.seen = batch
        assert batch.shape == self.profile.maximum
        if self._role == "detection":
            return (batch[..., 2],)
        if self._role == "recognition":
            return batch[:, 0, ::8, 2], batch[:, 0, ::8, 1]
        return (batch[:, 0, :2, 2],)


def _net(role: Role) -> tuple[FixedShapesNet, NetSpec]:
    spec = NetSpec(role, role, (), (0, 0, 0), (1, 1, 1), PROFILES[role])
    return FixedShapesNet(spec, {shape: OneShape(role, shape) for shape in shapes(spec)}), spec


def _seen(role: Role, pixels: Pixels) -> Pixels:
    """Return what the net of the smallest shape was given."""
    spec = NetSpec(role, role, (), (0, 0, 0), (1, 1, 1), PROFILES[role])
    nets = {shape: OneShape(role, shape) for shape in shapes(spec)}
    FixedShapesNet(spec, nets)(pixels)
    return min((net for net in nets.values() if hasattr(net, "seen")), key=lambda net: net.seen.size).seen


def _pixels(shape: Shape) -> Pixels:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


@given(st.integers(1, 42), st.integers(1, 42))
def test_any_page_comes_back_in_its_own_size(rows: int, columns: int) -> None:
    """Whatever its shape, the map is that of the page, without the padding."""
    net, _ = _net("detection")
    page = _pixels((1, rows * 32, columns * 32, 3))
    np.testing.assert_array_equal(net(page)[0], page[..., 2])


@given(st.integers(1, 5), st.integers(1, 42), st.integers(1, 42))
def test_pages_together_come_back_as_they_went(count: int, rows: int, columns: int) -> None:
    """Two pages fill a session where there is one for two; more are split; each map is that of its page."""
    largest = ShapeProfile((1, 32, 32, 3), (1, 1280, 960, 3), (2, 1344, 1344, 3))
    spec = NetSpec("detection", "detection", (), (0, 0, 0), (1, 1, 1), largest)
    chosen = shapes(spec)
    assert {shape[0] for shape in chosen} == {1, 2}
    net = FixedShapesNet(spec, {shape: OneShape("detection", shape) for shape in chosen})
    pages = _pixels((count, rows * 32, columns * 32, 3))
    np.testing.assert_array_equal(net(pages)[0], pages[..., 2])


@given(st.integers(1, 8), st.integers(4, 200))
def test_lines_come_back_with_their_own_steps(count: int, steps: int) -> None:
    """A short batch of any width: as many lines and steps as it has."""
    net, _ = _net("recognition")
    lines = _pixels((count, 48, steps * 8, 3))
    best, probability = net(lines)
    np.testing.assert_array_equal(best, lines[:, 0, ::8, 2])
    np.testing.assert_array_equal(probability, lines[:, 0, ::8, 1])


def test_lines_go_on_in_grey() -> None:
    """Beside a line lies the same grey as everywhere, and so do whole lines that are wanting."""
    line = _pixels((1, 48, 100, 3))
    seen = _seen("classifier", line)
    np.testing.assert_array_equal(seen[0, :, :100], line[0])
    assert (seen[0, :, 100:] == PADDING).all()
    assert (seen[1:] == PADDING).all()


def test_pages_go_on_as_they_end() -> None:
    """An edge of grey would look like an edge of something: the last row and the last column are repeated."""
    page = _pixels((1, 64, 96, 3))
    seen = _seen("detection", page)
    np.testing.assert_array_equal(seen[0, :64, :96], page[0])
    assert (seen[0, 64:, :96] == page[0, -1:]).all()
    assert (seen[0, :64, 96:] == page[0, :, -1:]).all()
    assert (seen[0, 64:, 96:] == page[0, -1, -1]).all()


@pytest.mark.parametrize("role", ["detection", "recognition", "classifier"])
def test_the_largest_shape_of_the_profile_is_among_them(role: Role) -> None:
    """Nothing within the profile is too large; and there are few, because each costs seconds at the start."""
    _, spec = _net(role)
    assert spec.profile.maximum in shapes(spec)
    assert len(shapes(spec)) <= 8
    assert len(set(shapes(spec))) == len(shapes(spec))


def test_an_upright_sheet_does_not_take_the_square() -> None:
    """A4 at the default size, 1312 by 928, and the same on its side."""
    _, spec = _net("detection")
    square = np.prod(spec.profile.maximum)
    for size in ((1312, 928), (928, 1312)):
        taken = _seen("detection", np.zeros((1, *size, 3), np.uint8))
        assert taken.size < 0.75 * square


@pytest.mark.parametrize("size", [(1024, 448), (832, 800), (928, 704), (1248, 736), (1024, 1024), (992, 672)])
def test_little_is_padded(size: tuple[int, int]) -> None:
    """The shapes of receipts, of their halves where they are long, and of tiles of large sheets."""
    assert _seen("detection", np.zeros((1, *size, 3), np.uint8)).size <= 1.6 * 3 * size[0] * size[1]


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1600, (128, 256, 384, 512, 640, 896, 1152, 1600)), (384, (128, 256, 384)), (100, (100,))],
)
def test_widths_end_with_the_widest(most: int, expected: tuple[int, ...]) -> None:
    """Those below it, and itself."""
    assert widths(most) == expected
