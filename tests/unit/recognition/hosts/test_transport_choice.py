"""When a file travels as it is, and when its pages do."""

from __future__ import annotations

import pytest

from ocrspool.recognition.hosts.transport_choice import HostWay, TransportChoice

THIN, FAST = HostWay(12.5e6, 0.0), HostWay(3e9, 0.0)
BUSY = HostWay(3e9, 1.0)


@pytest.mark.parametrize(
    ("size", "pixels", "way", "whole"),
    [
        (400_000, 6_000_000, THIN, True),
        (400_000, 6_000_000, FAST, True),  # nothing is lost by it
        (6_000_000, 400_000, THIN, False),  # a drawing of many objects
        (400_000, 6_000_000, BUSY, False),  # 2 ms of wire are saved, and a second is waited
        (400_000, 6_000_000, HostWay(1e6, 1.0), True),  # 6 s are saved
        (400_000, 6_000_000, HostWay(0.0, 0.01), True),  # an unknown link counts as 1 Gbit/s
        (400_000, 6_000_000, HostWay(0.0, 0.10), False),
    ],
)
def test_the_way_that_is_sooner(size: int, pixels: int, way: HostWay, whole: bool) -> None:  # noqa: FBT001
    """Bytes that are saved, by the speed of the link, against the wait for a decoder."""
    assert TransportChoice().travels_whole("a.pdf", size, [way], pixels) is whole


def test_one_good_way_is_enough() -> None:
    """The host that gets the file is found later."""
    assert TransportChoice().travels_whole("a.jpg", 400_000, [BUSY, THIN])


def test_a_wait_here_counts_too() -> None:
    """If decoders of this machine are busy, those of hosts may be busier."""
    choice = TransportChoice()
    for _ in range(50):
        choice.note_wait_here(2.0)
    assert choice.travels_whole("a.pdf", 400_000, [BUSY], 6_000_000)


def test_sizes_are_learned_by_suffix() -> None:
    """A scan as TIFF has few pixels for a byte, and a receipt as JPEG many."""
    choice = TransportChoice()
    choice.note_pixels("one.TIF", 1000, 900)
    assert not choice.travels_whole("two.tif", 400_000, [THIN])
    assert choice.travels_whole("two.jpg", 400_000, [THIN])


def test_a_wait_that_nobody_measures_is_forgotten() -> None:
    """So a host that was busy once gets a file again, and says how long that waited."""
    choice = TransportChoice()
    assert any(choice.travels_whole("a.pdf", 400_000, [BUSY], 6_000_000) for _ in range(200))
