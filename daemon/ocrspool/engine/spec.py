"""The interface between recognition and a runtime: what a model is, and what its compiled form must do.

It owns the vocabulary that every runtime shares. It imports no runtime, and numpy for typing only, so that the service
can name models and compute fingerprints without loading an array library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    """A page [h, w] or [h, w, 3], or a batch [n, h, w, 3]; color is blue, green, red."""

Role = Literal["detection", "recognition", "classifier"]

READER, FINDER = "reader.", "finder."
"""How the keys of further readers and finders begin."""

PADDING = 127
"""Pixels beside a line that is narrower than the batch: the middle of 0 to 255, which normalizes to about 0."""

Shape = tuple[int, int, int, int]
"""Batch, height, width, channels: the order in which pixels arrive, whatever the model's own layout."""


@dataclass(frozen=True, slots=True)
class ShapeProfile:
    """The shapes a net is made for; callers clamp to it (a TensorRT engine answers garbage outside)."""

    minimum: Shape
    optimum: Shape
    maximum: Shape


@dataclass(frozen=True, slots=True)
class NetSpec:
    """One model before it is compiled."""

    role: Role
    name: str
    """As shown to users, for instance PP-OCRv6_small_det."""
    files: tuple[Path, ...]
    """The model file first, then what belongs to it (weights, description)."""
    mean: tuple[float, float, float]
    """Per channel in the order of the pixels, in units of 0 to 255."""
    std: tuple[float, float, float]
    """Per channel likewise: the net computes (pixel - mean) / std."""
    profile: ShapeProfile
    reader: str = ""
    """Of the net of a further reader: the reader's name."""
    finder: str = ""
    """Of the net of a further finder: the finder's name."""

    @property
    def key(self) -> str:
        """What it is called in an engine's identity: its role, or the reader or finder that it is the net of."""
        if self.finder:
            return f"{FINDER}{self.finder}"
        return f"{READER}{self.reader}" if self.reader else self.role

    @property
    def folder(self) -> str:
        """Its folder in the engine's."""
        return net_folder(self.name, self.key)


def net_folder(name: str, key: str) -> str:
    """Return the folder of a net of this name and key in an engine's. Two readers may have models of one name."""
    kind, dot, owner = key.partition(".")
    return f"{name}@{owner}" if f"{kind}{dot}" in {READER, FINDER} else name


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """One more reader of an engine before it is loaded."""

    name: str
    """As in the configuration, for instance russian."""
    model: str
    """As shown to users, for instance eslav_PP-OCRv5_mobile_rec or tesseract:vie+frk."""
    files: tuple[Path, ...]
    """What it reads with. A change of their bytes gives another engine."""
    net: NetSpec | None = None
    """The net that has to be compiled; None where there is none, as for Tesseract."""
    facts: tuple[tuple[str, str], ...] = ()
    """What else makes it another reader when it differs, by name: the version of a library, for instance."""
    languages: tuple[str, ...] = ()
    """What it reads, in words or codes: for people."""

    @property
    def key(self) -> str:
        """What it is called in an engine's identity."""
        return f"{READER}{self.name}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a detection model's output is judged by. Defaults are those of PP-OCRv6's own inference.yml."""

    threshold: float = 0.2
    """Map pixels above it belong to text."""
    box_threshold: float = 0.45
    """A box whose mean probability is lower is no text."""
    unclip: float = 1.4
    """How far boxes grow, as a multiple of area / perimeter."""


@dataclass(frozen=True, slots=True)
class FinderSpec:
    """One more finder of lines of an engine before it is loaded."""

    name: str
    """As in the configuration, for instance tiny."""
    net: NetSpec
    """A detection net."""
    thresholds: Thresholds = Thresholds()

    @property
    def key(self) -> str:
        """What it is called in an engine's identity."""
        return self.net.key


class Net(Protocol):
    """One compiled model; safe to call from `parallel` threads at once (more of them wait)."""

    @property
    def parallel(self) -> int:
        """How many calls really run side by side."""

    @property
    def batch(self) -> int:
        """The most items that a call may have, which suits the device; fewer are allowed."""

    @property
    def profile(self) -> ShapeProfile:
        """The shapes it accepts."""

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """Shapes to run once after loading: both ends of a fixed profile; none where shapes are free."""

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run uint8 pixels [n, h, w, 3] through the model; the net itself normalizes them.

        detection: probability of text, float32 [n, h, w].
        recognition: best class, int32 [n, steps], and its probability, float32 [n, steps].
        classifier: probabilities of "upright" and "upside down", float32 [n, 2].

        Raise DeviceMemoryError where a smaller batch may fit, DeviceLostError where this process is of no more use,
        EngineError otherwise.
        """
