"""Whether a file travels as it is, or its pages as pixels: what brings the pages to a worker of a host sooner.

Pure, but for a lock. What is measured is a moving mean, in which what was measured lately counts most.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

LINK_BYTES_PER_SECOND = 125e6
"""Of a link that nothing is known of: 1 Gbit/s."""
PIXELS_PER_BYTE = 14.0
"""Bytes of pixels for a byte of file, where nothing is known: what a mix of receipts has."""

_SMOOTH = 0.1
_FADE = 0.95
"""The weight that a wait keeps each time that the other way is taken: nobody measures it then, and it may be over."""


@dataclass(frozen=True, slots=True)
class HostWay:
    """The way of whole files to one host."""

    bytes_per_second: float
    """Of its link; 0 if it was not measured."""
    wait_seconds: float
    """How long a file waits there for a decoder."""


class TransportChoice:
    """Decides for each file. Any thread may call it."""

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}
        """Bytes of pixels for a byte of file, by the suffix of the name."""
        self._wait_here = 0.0
        self._faded = 1.0
        """What is left of the weight of the waits at hosts."""
        self._changing = threading.Lock()

    def travels_whole(self, name: str, size: int, ways: Iterable[HostWay], pixels: float | None = None) -> bool:
        """Tell whether a file of this name and size should travel as it is, on the best of these ways.

        `pixels` is how many bytes of pixels its pages have, where that is known.
        """
        with self._changing:
            expected = pixels if pixels is not None else size * self._ratios.get(_suffix(name), PIXELS_PER_BYTE)
            whole = any(self._is_sooner(expected - size, way) for way in ways)
            if whole:
                self._faded = 1.0
                self._wait_here *= _FADE
            else:
                self._faded *= _FADE
        return whole

    def note_pixels(self, name: str, size: int, pixels: int) -> None:
        """Take note of how many bytes of pixels the pages of a file had."""
        with self._changing:
            key, ratio = _suffix(name), pixels / max(1, size)
            before = self._ratios.get(key, ratio)
            self._ratios[key] = before + _SMOOTH * (ratio - before)

    def note_wait_here(self, seconds: float) -> None:
        """Take note of how long a file waited for a decoder of this machine."""
        with self._changing:
            self._wait_here += _SMOOTH * (seconds - self._wait_here)

    def _is_sooner(self, saved_bytes: float, way: HostWay) -> bool:
        """Compare the time that is saved on the wire with that which is lost by waiting for a decoder."""
        saved = saved_bytes / (way.bytes_per_second or LINK_BYTES_PER_SECOND)
        return saved > way.wait_seconds * self._faded - self._wait_here


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()
