"""A device with too little memory: batches get smaller, results stay the same, and what cannot fit is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ocrspool.engine.runtimes.split_batches import HalvingNet
from ocrspool.engine.spec import ShapeProfile
from ocrspool.errors import DeviceMemoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels


class SmallDevice:
    """A net on a device that has room for so many items: gives each item's mean and its first pixel."""

    parallel = 1
    batch = 16
    warm_up = ()
    profile = ShapeProfile((1, 48, 32, 3), (16, 48, 32, 3), (16, 48, 32, 3))

    def __init__(self, room: int) -> None:
        self.room = room
        self.calls: list[int] = []

    def __call__(self, batch: Pixels) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        self.calls.append(len(batch))
        if len(batch) > self.room:
            raise DeviceMemoryError(f"no room for {len(batch)}")
        return batch.mean(axis=(1, 2, 3)), batch[:, 0, 0, :]


def _pages(count: int) -> Pixels:
    return np.random.default_rng(count).integers(0, 256, (count, 48, 32, 3), np.uint8)


@pytest.mark.parametrize("count", [1, 2, 7, 16])
@pytest.mark.parametrize("room", [1, 3, 5, 16])
def test_results_do_not_depend_on_the_room(count: int, room: int) -> None:
    """Every item comes back once, in its place, whatever fits at a time."""
    pages = _pages(count)
    expected = SmallDevice(16)(pages)
    found = HalvingNet(SmallDevice(room))(pages)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_size_that_failed_is_not_tried_again() -> None:
    """The next batch goes straight to what did fit."""
    device = SmallDevice(4)
    net = HalvingNet(device)
    net(_pages(16))
    assert device.calls[:3] == [16, 8, 4]
    device.calls.clear()
    net(_pages(16))
    assert device.calls == [4, 4, 4, 4]


def test_what_cannot_fit_is_said() -> None:
    """One item too large for the device is an error, not an endless loop."""
    device = SmallDevice(0)
    with pytest.raises(DeviceMemoryError, match="no room for 1"):
        HalvingNet(device)(_pages(4))
    assert device.calls == [4, 2, 1]
