"""The engine of one worker: its nets and the steps around them, over pages as they come.

Pages are searched in parallel. Lines of all pages in work are read in batches of one width, in the order in which they
come. A page that comes while others are read is searched meanwhile. There are as many threads as a net runs calls. They
keep every core busy with a net while Python prepares the next call. A GPU has threads of its own for reading, so that
it does not wait for the search for lines, which needs processors too.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2

from ocrspool.engine.detection.detect import DetectSettings, Finder
from ocrspool.engine.ocr.ink import is_even
from ocrspool.engine.ocr.line_queues import LineQueues
from ocrspool.engine.ocr.page_search import PageSearch
from ocrspool.engine.ocr.page_state import LineStrip, PageInWork
from ocrspool.engine.ocr.page_text import page_text
from ocrspool.engine.ocr.readers_in_turn import next_strips
from ocrspool.engine.ocr.turn import NetBetweenTurns, Turn
from ocrspool.engine.ocr.upside_down import turned_variants
from ocrspool.engine.readers.net_reader import NetReader
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes.split_batches import HalvingNet
from ocrspool.errors import OcrspoolError
from ocrspool.pages import DEFAULT_FINDER, DEFAULT_OPTIONS, DEFAULT_READER, PageText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from ocrspool.engine.readers.reader import LineReader
    from ocrspool.engine.spec import Net, Pixels
    from ocrspool.pages import PageOptions

_MOST_SEARCHED = 64
"""Pages that may be searched without a pause before lines that fill no batch are read all the same."""


@dataclass(frozen=True, slots=True)
class Nets:
    """The compiled models of one engine, without those of further readers and finders."""

    detection: Net
    recognition: Net
    classifier: Net


@dataclass(frozen=True, slots=True)
class RecognizeSettings:
    """What may be changed about recognition."""

    detect: DetectSettings = field(default_factory=DetectSettings)
    read: ReadSettings = field(default_factory=ReadSettings)
    threads: int = 0
    """Pages searched side by side, beside the reading of lines: for a net on a GPU, where cropping and scaling lines is
    work for processors all the same. 0 = as many threads as the recognition net runs do both."""
    least_confidence: float = 0.5
    """Lines whose characters are less sure are dropped, as RapidOCR does: most are pictures, stamps and specks taken
    for text. Short ones have to be surer (page_text.py)."""
    taking_letters_for_others: frozenset[str] = frozenset()
    """Readers that read some languages badly, and are sure of it (misread_languages.py)."""


class Recognizer:
    """Reads pages, as many at a time as it is given."""

    def __init__(
        self,
        nets: Nets,
        characters: Sequence[str],
        settings: RecognizeSettings | None = None,
        readers: Mapping[str, LineReader] | None = None,
        finders: Mapping[str, Finder] | None = None,
    ) -> None:
        """Read with the recognition net and its characters, and with further `readers` and `finders` by name."""
        self._given = nets
        self._characters = characters
        self._settings = settings or RecognizeSettings()
        self._turn = Turn(limited=self._settings.threads > 0)
        detection, recognition, classifier = map(HalvingNet, (nets.detection, nets.recognition, nets.classifier))
        # A page is searched by a thread that has a turn. Batches of lines are read by threads that have none.
        self._nets = Nets(NetBetweenTurns(detection, self._turn), recognition, NetBetweenTurns(classifier, self._turn))
        self._further, self._further_finders = readers or {}, finders or {}
        default = NetReader(self._nets.recognition, characters, self._settings.read)
        self._readers: dict[str, LineReader] = {DEFAULT_READER: default, **self._further}
        self._finders = {DEFAULT_FINDER: Finder(self._nets.detection, self._settings.detect)}
        self._finders |= {
            name: Finder(NetBetweenTurns(HalvingNet(each.net), self._turn), each.settings)
            for name, each in self._further_finders.items()
        }
        self._page_search = PageSearch(
            self._finders, self._nets.classifier, self._nets.recognition, self._readers, self._settings.read
        )
        self._lock = threading.Lock()
        self._searching = self._searched = 0
        parallel = nets.recognition.parallel
        self._searchers = ThreadPoolExecutor(self._settings.threads or parallel, thread_name_prefix="recognize")
        self._nets_threads = self._searchers
        if self._settings.threads:  # one more than run: it fills the next batch meanwhile
            self._nets_threads = ThreadPoolExecutor(parallel + 1, thread_name_prefix="read")
        self._queues = LineQueues(self._readers, self._nets_threads, self._read)
        cv2.setNumThreads(1)  # these threads are what spreads work over cores; OpenCV's own threads would fight it

    def __enter__(self) -> Recognizer:  # noqa: PYI034  # Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads, and with them whatever is in work. The nets and the readers stay as they are."""
        self._searchers.shutdown(cancel_futures=True)
        self._nets_threads.shutdown(cancel_futures=True)
        self._queues.close()

    def close_readers(self) -> None:
        """End what the further readers have started, after `close`."""
        for reader in self._further.values():
            reader.close()

    def recognize(self, pages: Sequence[Pixels], options: PageOptions = DEFAULT_OPTIONS) -> list[PageText]:
        """Return the text of each page, when all are read."""
        submitted = [self.submit(page, options) for page in pages]
        return [future.result() for future in submitted]

    def submit(
        self,
        page: Pixels,
        options: PageOptions = DEFAULT_OPTIONS,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Future[PageText]:
        """Begin with a page; it has the pixels until the future is done.

        `on_progress` is called when the page has been searched (of a large page for each tile) and for each batch with
        lines of it, by the threads that do so. Raise OcrspoolError where the engine does not have one of the readers,
        or the finder.
        """
        if missing := [name for name in options.readers.names if name not in self._readers]:
            have = ", ".join(self._readers)
            raise OcrspoolError(f"the engine has no reader {missing[0]!r}; it has {have}", "restart the service")
        if options.readers.finder not in self._finders:
            have = ", ".join(self._finders)
            told = f"the engine has no finder {options.readers.finder!r}; it has {have}"
            raise OcrspoolError(told, "restart the service")
        in_work = PageInWork(_read_only(page), on_progress, options)
        started = time.perf_counter()
        if is_even(page):  # to wake up a thread would take longer than this
            seconds = {"detect": time.perf_counter() - started, "orient": 0.0, "recognize": 0.0}
            in_work.complete(PageText((), 0, seconds))
            return in_work.future
        with self._lock:
            self._searching += 1
        try:
            self._searchers.submit(self._search, in_work)
        except RuntimeError:  # no thread could be started
            with self._lock:
                self._searching -= 1
            raise
        return in_work.future

    def beside(self) -> Recognizer:
        """Return another one with the same nets, for a page that shall share nothing else with those in work."""
        return Recognizer(self._given, self._characters, self._settings, self._further, self._further_finders)

    def _search(self, page: PageInWork) -> None:
        """Find the lines of a page and let them be read; those that fill no batch when no page is searched any more."""
        try:
            with self._turn.taken():
                self._page_search.find(page)
                page.on_progress()
                strips = page.to_read(next_strips(page))
                if not strips:
                    page.complete(
                        page_text(page, self._settings.least_confidence, self._settings.taking_letters_for_others)
                    )
                self._queues.add(strips)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what became of this page
            page.complete(error)
        with self._lock:
            self._searching -= 1
            self._searched += 1
            lull = not self._searching or self._searched % _MOST_SEARCHED == 0
        if lull:
            self._queues.flush()

    def _read(self, reader: LineReader, taken: Sequence[LineStrip]) -> None:
        """Read a batch; the time it took is split evenly over its lines.

        Lines of a page that has failed are left out: one of them may be why it did, and would take other pages with it.
        """
        batch = [strip for strip in taken if not strip.page.settled]
        if not batch:
            return
        try:
            started = time.perf_counter()
            readings = reader.read([strip.pixels for strip in batch])
            seconds = (time.perf_counter() - started) / len(batch)
            for tell in {strip.page.on_progress for strip in batch}:
                tell()
            with self._turn.taken():
                for strip, reading in zip(batch, readings, strict=True):
                    if strip.page.read(strip, reading, seconds):
                        self._finish(strip.page)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what became of these pages
            for strip in batch:
                strip.page.complete(error)

    def _finish(self, page: PageInWork) -> None:
        """Settle a page of which everything is read. What goes wrong here is no other page's."""
        try:
            self._settle(page)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what became of this page
            page.complete(error)

    def _settle(self, page: PageInWork) -> None:
        """Say what a page says, all that was asked for having been read.

        First the next readers are asked for lines that nobody is sure of. What is doubtful then is read upside down.
        """
        strips = next_strips(page)
        if not strips and turned_variants(page):
            strips = next_strips(page)
        if strips:
            self._queues.add(page.to_read(strips))
            with self._lock:
                lull = not self._searching
            if lull:
                self._queues.flush()
            return
        page.complete(page_text(page, self._settings.least_confidence, self._settings.taking_letters_for_others))


def _read_only(page: Pixels) -> Pixels:
    """Return the same pixels such that nobody can write them, as in a decoder's sealed memory, wherever they are."""
    page = page.view()
    page.flags.writeable = False
    return page
