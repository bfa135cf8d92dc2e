"""Tesseract as a reader: lines go to processes that run it, and come back as letters with places and probabilities.

Tesseract runs in processes of its own. A file may make it crash or hang. Then one line stays unread, and neither the
page nor the nets of this process suffer. It also computes without Python's lock and without threads of its own, which
would take cores from the nets. The processes start when the first line is read. tesseract_process.py is what they run.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ocrspool.engine.models.model_set import LINE_HEIGHT
from ocrspool.engine.reading.own_ink import own_ink
from ocrspool.engine.reading.recognize import Reading
from ocrspool.engine.reading.unread_ink import Letter, inked_columns, unread_ink
from ocrspool.errors import EngineError
from ocrspool.processes.child import Child, ChildDiedError, NoProcessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocrspool.engine.spec import Pixels, ReaderSpec

_log = logging.getLogger(__name__)

_MODULE = "ocrspool.engine.readers.tesseract_process"
_VARIABLES = ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "MALLOC_ARENA_MAX")
"""Of the environment, what the loader and the C library read."""
_SECONDS = 60.0
"""A line takes 0.03 s, and a second where a machine is very busy: what takes so long hangs."""
_START_SECONDS = 120.0
_MOST_BYTES = 1 << 20
"""Of an answer. A line of 3,200 pixels has a few hundred characters."""
_ABOVE = 5
"""Pixels of paper above and below a strip. Without it, marks at the upper edge of Thai letters were missed."""
_DOUBTFUL = 0.92
"""A line that is less sure is read once more, its ink in the middle of a picture of whose height it has this share:"""
_SHARE_OF_INK = 0.65
_LEAST_HEIGHT = 32
"""Pixels of that picture's height at least: the ink of a dash is not a line's height."""
_BESIDE = 4
"""Pixels that a strip keeps beside its ink. With more, quotation marks and periods were read in empty paper."""
_SCALE = 35.0
"""Tesseract's confidence of a character is 100 + 35 ln p, where p is the least probability of its steps."""
_MEANS = (0.0, 0.8, 0.85, 0.9, 0.93, 0.945, 0.97, 1.0)
_CERTAINTIES = (0.0, 0.25, 0.4, 0.55, 0.7, 0.92, 0.97, 1.0)
"""The mean of that over a line, and the certainty of a net that is right as often. Tesseract is 0.76 to 0.93 sure of
lines that are upside down or in another script, and 0.94 and more of what it reads (docs/lab/recognition.md)."""
_END = 8
"""Pixels from either end of a character to where it counts as seen. Letters that hang together have boxes too wide."""
_SARA_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|([\u0e48-\u0e4b])\u0e4d\u0e32")
"""The Thai vowel that Tesseract writes as its two parts, perhaps with a mark between them or before them."""

_SPELLED = {"ron": str.maketrans("\u015e\u015f\u0162\u0163", "\u0218\u0219\u021a\u021b")}
"""By language: letters that its data has, and what they are. Romanian has a comma below s and t, and no cedilla."""


class Symbol(NamedTuple):
    """What Tesseract says of one character, in the order in which it is read."""

    text: str
    left: int
    right: int
    """Pixels of the strip."""
    confidence: float
    """0 to 100."""
    after_space: bool


class TesseractReader:
    """As many processes as are needed at a time, at most `processes`; safe to call from so many threads."""

    own_threads = True

    def __init__(self, spec: ReaderSpec, processes: int) -> None:
        self.parallel = max(processes, 1)
        self._spec = spec
        self._spelled = _SPELLED.get(spec.languages[0], {}) if spec.languages else {}
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(self.parallel):
            self._idle.put(None)
        # A process ends with the thread that has started it (processes/threads.py), so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="tesseract")

    def width(self, pixels: int) -> int:  # noqa: ARG002 - the widths of strips do not matter here
        """Return 0: strips of all widths wait in one queue."""
        return 0

    def batch_at(self, width: int) -> int:  # noqa: ARG002 - likewise
        """Return 1: a process gets one strip at a time."""
        return 1

    def read(self, strips: Sequence[Pixels]) -> list[Reading]:
        """Return the reading of each strip [48, w, 3]. Raise EngineError where no process can be started."""
        return [self._read(strip) for strip in strips]

    def close(self) -> None:
        """End the processes. Nobody reads any more."""
        for _ in range(self.parallel):
            if (child := self._idle.get()) is not None:
                child.close()
        self._starter.shutdown()

    def _read(self, strip: Pixels) -> Reading:
        child = self._idle.get()
        try:
            for _ in range(2):  # a process may also die of what was done to it from outside
                if child is None:
                    child = self._starter.submit(self._start).result()
                try:
                    return self._surest(child, strip)
                except ChildDiedError as error:
                    child = None
                    _log.warning("the reader %s: its process %s", self._spec.name, error)
        finally:
            self._idle.put(child)
        return Reading("", 0.0, unread_ink(strip, ()))

    def _surest(self, child: Child, strip: Pixels) -> Reading:
        """Return the reading of a strip, of two where the first is doubtful. Raise ChildDiedError."""
        pictures = _Pictures(strip)
        found = reading(strip, _asked(child, pictures.as_found(), pictures.left), self._spelled)
        if found.certainty >= _DOUBTFUL:
            return found
        again = reading(strip, _asked(child, pictures.in_the_middle(), pictures.left), self._spelled)
        return max(found, again, key=lambda each: each.certainty)

    def _start(self) -> Child:
        environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        languages = "+".join(file.name.partition(".")[0] for file in self._spec.files)
        try:
            child = Child(_MODULE, {**environment, "OMP_THREAD_LIMIT": "1"}, _MOST_BYTES)
            message = {"folder": str(self._spec.files[0].parent), "languages": languages}
            answer, _ = child.ask(message, seconds=_START_SECONDS)
        except (ChildDiedError, NoProcessError) as error:
            raise EngineError(
                f"the reader {self._spec.name} ({self._spec.model}): its process {error}",
                "the log says more; if it happens again, remove the reader from the configuration",
            ) from error
        if "error" in answer:
            child.close()
            raise EngineError(
                f"the reader {self._spec.name} ({self._spec.model}) cannot be loaded: {answer['error']}",
                "install the package of this data again, and run `ocrspool prebuild`",
            )
        return child


def load(spec: ReaderSpec, threads: int) -> TesseractReader:
    """Return the reader that tesseract_data.py has found, with so many processes, none of which is started yet."""
    return TesseractReader(spec, threads)


def reading(strip: Pixels, symbols: Sequence[Symbol], spelled: Mapping[int, int] | None = None) -> Reading:
    """Return the reading of a strip [48, w, 3]: its letters as they lie, from left to right."""
    symbols = [symbol._replace(text=symbol.text.translate(spelled or {})) for symbol in symbols]
    letters = _as_they_lie(_composed(symbols))
    mean = sum(letter.probability for letter in letters) / max(len(letters), 1)
    certainty = float(np.interp(mean, _MEANS, _CERTAINTIES))
    letters = [letter._replace(probability=min(letter.probability * certainty / mean, 1.0)) for letter in letters]
    text = "".join(letter.text for letter in letters)
    return Reading(text, certainty, unread_ink(strip, _across(symbols)), tuple(letters))


def _across(symbols: Sequence[Symbol]) -> list[Letter]:
    """Return letters at both ends of each symbol, for looking where no letter is: Tesseract knows how wide they are."""
    places = ((symbol.text, _middle(symbol), (symbol.right - symbol.left) / 2) for symbol in symbols)
    ends = (
        Letter(text, middle + side * min(max(half - _END, 0.0), LINE_HEIGHT / 2))
        for text, middle, half in places
        for side in (-1, 1)
    )
    return sorted(ends, key=lambda letter: letter.x)


def _asked(child: Child, picture: Pixels, left: int) -> list[Symbol]:
    """Return what a process says of a grey picture [h, w] of a strip, from `left` on. Raise ChildDiedError."""
    descriptor = os.memfd_create("line")
    try:
        os.pwrite(descriptor, picture.tobytes(), 0)
        height, width = picture.shape
        answer, _ = child.ask({"width": width, "height": height}, (descriptor,), seconds=_SECONDS)
    finally:
        os.close(descriptor)
    try:
        return [
            Symbol(str(text), left + int(start), left + int(end), float(confidence), bool(space))
            for text, start, end, confidence, space in answer["symbols"]
        ]
    except (LookupError, TypeError, ValueError) as error:
        child.kill()
        raise ChildDiedError("answered nonsense, and was ended") from error


class _Pictures:
    """A strip in grey with the margins that suit Tesseract. Measured: docs/lab/recognition.md."""

    def __init__(self, strip: Pixels) -> None:
        self._strip = strip
        grey = cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY)
        inked = np.flatnonzero(inked_columns(strip))
        width = grey.shape[1]
        self.left = max(int(inked[0]) - _BESIDE, 0) if len(inked) else 0
        self._right = min(int(inked[-1]) + 1 + _BESIDE, width) if len(inked) else width
        kept, paper, around = grey[:, self.left : self._right], int(np.median(grey)), LINE_HEIGHT
        self._grey = cv2.copyMakeBorder(kept, around, around, 0, 0, cv2.BORDER_CONSTANT, value=paper)

    def as_found(self) -> Pixels:
        """Return the strip as high as the line was found."""
        return self._rows(-_ABOVE, LINE_HEIGHT + 2 * _ABOVE)

    def in_the_middle(self) -> Pixels:
        """Return it with its ink in the middle. Lines that were found too high are read by that."""
        top, bottom = own_ink(self._strip).rows(self.left, self._right) or (0, LINE_HEIGHT)
        height = max(round((bottom - top) / _SHARE_OF_INK), _LEAST_HEIGHT)
        return self._rows((top + bottom - height) // 2, height)

    def _rows(self, start: int, height: int) -> Pixels:
        return np.asarray(self._grey[LINE_HEIGHT + start : LINE_HEIGHT + start + height], np.uint8)


def _composed(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Return the symbols with the Thai vowel sara am as one character, as it is written everywhere else."""
    text = "".join(symbol.text for symbol in symbols)
    if "\u0e4d" not in text or any(len(symbol.text) != 1 for symbol in symbols):
        return list(symbols)
    composed: list[Symbol] = []
    end = 0
    for match in _SARA_AM.finditer(text):
        composed += symbols[end : match.start()]
        if tone := match[1] or match[2]:
            composed.append(next(each for each in symbols[match.start() :] if each.text == tone))
        composed.append(symbols[match.end() - 1]._replace(text="\u0e33"))
        end = match.end()
    return composed + list(symbols[end:])


def _as_they_lie(symbols: Sequence[Symbol]) -> list[Letter]:
    """Return letters, with spaces, by ascending x. Symbols come in the order in which they are read."""
    words: list[list[Symbol]] = []
    for symbol in symbols:
        if symbol.after_space or not words:
            words.append([])
        words[-1].append(symbol)
    if any(map(_is_right_to_left, symbols)):
        words = sorted(map(_word_as_it_lies, words), key=lambda word: sum(map(_middle, word)) / len(word))
    letters: list[Letter] = []
    last = -math.inf
    for number, word in enumerate(words):
        for place, symbol in enumerate(word):
            x = max(_middle(symbol), last)  # boxes of letters that hang together may be a little out of order
            if number and not place:
                letters.append(Letter(" ", (max(last, 0.0) + x) / 2, _probability(symbol)))
            letters.append(Letter(symbol.text, x, _probability(symbol)))
            last = x
    return letters


def _word_as_it_lies(word: list[Symbol]) -> list[Symbol]:
    """Return the symbols of one word from left to right.

    They come from right to left, except those of numbers and of Latin letters: then the places say how they lie.
    Tesseract itself gives some numbers in Arabic digits the wrong way round.
    """
    if all(_is_right_to_left(symbol) or not symbol.text.isalnum() for symbol in word):
        return word[::-1]
    return sorted(word, key=_middle)


def _is_right_to_left(symbol: Symbol) -> bool:
    return symbol.text >= "\u0590" and unicodedata.bidirectional(symbol.text[0]) in {"R", "AL"}


def _middle(symbol: Symbol) -> float:
    return (symbol.left + symbol.right) / 2


def _probability(symbol: Symbol) -> float:
    return min(math.exp((symbol.confidence - 100) / _SCALE), 1.0)
