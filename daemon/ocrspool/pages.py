"""The values that travel from step to step. They are frozen, do no I/O, and import nothing of ours.

The service handles all of these values, so this module must not import numpy, an image library or an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Point = tuple[float, float]
"""x, y in pixels, origin top left, x to the right, y down."""

Polygon = tuple[Point, Point, Point, Point]
"""Clockwise from the text's own top left corner, whichever way the text runs on the page."""

Segment = tuple[Point, Point]
"""Both ends of a straight line that is drawn on a page: a ruling line."""


Orientation = Literal["auto", "off"]
"""Whether a page may be turned before it is read."""

WordMode = Literal["none", "words", "characters"]
"""Which parts of a line are measured."""

DEFAULT_READER = "default"
"""The name of the reader that every engine has: the recognition net of `engine.models`."""

DEFAULT_FINDER = "default"
"""The name of the finder that every engine has: the detection net of `engine.models`."""


@dataclass(frozen=True, slots=True)
class ReaderOrder:
    """Which nets of an engine read a page: who finds its lines, and which readers are asked for them, in turn."""

    names: tuple[str, ...] = (DEFAULT_READER,)
    sure: float = 0.96
    """0 to 1: a line that was read with less confidence is read by the next reader too. The surest reading stays."""
    head_start: float = 0.0
    """Confidence that is added to that of each reader after the first before readings are compared: for a stronger net,
    which is right more often than a weak one that is as sure."""
    finder: str = DEFAULT_FINDER
    """Who finds the lines."""
    wary: bool = False
    """Whether the next reader also reads lines of which the one before is sure, where mistakes are likely all the same:
    for a weak net before a stronger one."""
    search: float = 1.0
    """0 to 1: pages are searched for lines at this part of `engine.detection_side`."""
    letter_width: float = 0.0
    """In pixels of a strip, which is 48 high: for readers after the first, strips are made narrower until their letters
    are about so wide. 0: never."""


DEFAULT_ORDER = ReaderOrder()


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How a page is read: one value that goes unchanged from the profile to the engine, here or at another host."""

    orientation: Orientation = "auto"
    words: WordMode = "words"
    readers: ReaderOrder = DEFAULT_ORDER

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, for a message to a worker or to a host."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PageOptions:
        """Return the options that `to_json` made plain values of."""
        order = values["readers"]
        return cls(**{**values, "readers": ReaderOrder(**{**order, "names": tuple(order["names"])})})


DEFAULT_OPTIONS = PageOptions()


_FIRST_WIDE = "\u2e80"
"""CJK radicals: from here on characters fill a square, mostly."""
_HANGUL_TO_PRIVATE = ("\uac00", "\uf900")
"""Hangul, which is written with spaces; halves of pairs in UTF-16; characters of private use."""


def stands_alone(character: str) -> bool:
    """Return whether a character is a word of its own: Han and kana are, because they are written without spaces."""
    return character >= _FIRST_WIDE and not _HANGUL_TO_PRIVATE[0] <= character < _HANGUL_TO_PRIVATE[1]


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line, or one of its characters."""

    text: str
    confidence: float
    """0 to 1: mean probability of its characters."""
    polygon: Polygon
    """Around its ink, along the line."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One recognized line. Its place in the tuple that holds it is its place in the reading order."""

    text: str
    confidence: float
    """0 to 1: mean probability of the line's characters."""
    polygon: Polygon
    detection_confidence: float
    """0 to 1: mean text probability inside the polygon."""
    words: tuple[Word, ...] = ()
    """From the first to the last; together they are the line's text without its spaces. Empty where nobody asked."""
    letter_height: float | None = None
    """Pixels: of its small letters, or of its capitals where there are no small ones. None if it was not measured."""
    stroke: float | None = None
    """How thick the strokes of its letters are, as a share of that height; likewise."""
    reader: str = ""
    """The reader of the engine that read it; "" where none did."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning: something that a reader of the result may want to know."""

    # It travels as it is, from a decoder, an engine or an output into the result. The published schema has its name.

    code: str
    """The kind of the warning: one word, for programs."""
    message: str
    """The warning as a sentence, for people."""
    page: int | None
    """The number of the page that the warning is about, from 1. null if it is not about one page."""
    lines: tuple[int, ...] = field(default=(), kw_only=True)
    """The `order` of each line of that page that the warning is about. Empty if it is not about single lines."""


@dataclass(frozen=True, slots=True)
class PageText:
    """What an engine read on one page image; polygons are in that image's pixels, before `rotation`."""

    lines: tuple[TextLine, ...]
    rotation: int
    """Degrees clockwise (0, 90, 180, 270) by which the page has to be turned to be read."""
    seconds: dict[str, float]
    """Wall time by stage (detect, orient, recognize): shared work is split evenly over the pages of a batch."""
    warnings: tuple[Notice, ...] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    """What read it, as the worker that did so has described its engine; the service adds it."""
    device: str = ""
    """Where that computes: cpu, or the GPU as the configuration names it; likewise."""
    host: str = ""
    """The host of the cluster where that is; "" for this machine."""
    rules: tuple[Segment, ...] = ()
    """Ruling lines that were found on the page, in the pixels of the polygons."""
    finder: str = ""
    """The finder of the engine that found the lines."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """What an engine read on one page, as its worker has written it down. The service has not looked into it."""

    body: bytes
    """recognition/page_json.py makes a PageText of it."""
    seconds: dict[str, float]
    """As in PageText; `engine`, `device` and `host` too."""
    engine: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    host: str = ""


Recognized = PageText | EncodedText


@dataclass(frozen=True, slots=True)
class PageFault:
    """Why an engine could not read one page, although it is in order: it has read the known page since."""

    message: str


@dataclass(frozen=True, slots=True)
class PageImage:
    """Decoded pixels of one page, in a memory file: uint8 rows without padding, grey or BGR."""

    number: int
    """Counts from 1, as in the source."""
    width: int
    height: int
    channels: int
    """1 = grey, 3 = blue, green, red."""
    source_width: int
    source_height: int
    """The page's own size in pixels; larger than the image where a huge page was reduced, flatter where a fax was
    stretched to square pixels."""
    dpi: float | None
    """Of the source page: as rendered for PDF, as stated by the file for images, None where it says nothing."""
    fd: int
    """Descriptor of the memory file (see memfd_create(2)); its owner closes it."""


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """The text that a PDF page brings along; lines are in the pixels that the page would be rendered in."""

    number: int
    """Counts from 1, as in the source."""
    width: int
    height: int
    dpi: float
    lines: tuple[TextLine, ...]
    doubt: str = ""
    """Why it has to be compared with what is seen: "" (it has not), "letters" (they may stand for others), "invisible"
    (it is drawn as nothing), "ink" (there is more on the page), "annotations" (these have text that is not in it)."""
    fonts: tuple[str, ...] = ()
    rules: tuple[Segment, ...] = ()
    """Ruling lines that are drawn on the page, in the pixels of the lines."""
