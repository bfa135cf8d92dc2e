"""Strips that wait for their readers: a queue for each reader, and the threads that read."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ocrspool.engine.ocr.line_batches import Batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ocrspool.engine.ocr.page_state import LineStrip
    from ocrspool.engine.readers.reader import LineReader

    Read = Callable[[LineReader, list[LineStrip]], None]


class LineQueues:
    """All strips that wait, by reader and width. Nets share their threads; a reader that is slow has its own."""

    def __init__(self, readers: Mapping[str, LineReader], threads: ThreadPoolExecutor, read: Read) -> None:
        """Let `read` be called by the threads for each batch that is due."""
        self._read = read
        self._queues = {name: _Queue(name, reader, threads) for name, reader in readers.items()}

    def add(self, strips: Iterable[LineStrip]) -> None:
        """Let strips wait for others of their width; full batches are read."""
        by_reader: defaultdict[str, list[LineStrip]] = defaultdict(list)
        for strip in strips:
            by_reader[strip.reader].append(strip)
        for name, waiting in by_reader.items():
            queue = self._queues[name]
            widths = ((queue.reader.width(strip.pixels.shape[1]), strip) for strip in waiting)
            self._submit(queue, queue.batches.add(widths))

    def flush(self) -> None:
        """Let everything be read that waits, also what fills no batch."""
        for queue in self._queues.values():
            self._submit(queue, queue.batches.flush())

    def close(self) -> None:
        """End the threads that readers have of their own."""
        for queue in self._queues.values():
            queue.close()

    def _submit(self, queue: _Queue, due: int) -> None:
        for _ in range(due):
            queue.threads.submit(self._take, queue)

    def _take(self, queue: _Queue) -> None:
        self._read(queue.reader, queue.batches.take())


class _Queue:
    """The strips that wait for one reader."""

    def __init__(self, name: str, reader: LineReader, shared: ThreadPoolExecutor) -> None:
        self.reader = reader
        self.batches: Batches[LineStrip] = Batches(reader.batch_at)
        self.threads, self._own = shared, None
        if reader.own_threads:
            self.threads = self._own = ThreadPoolExecutor(reader.parallel, thread_name_prefix=f"read {name}")

    def close(self) -> None:
        if self._own is not None:
            self._own.shutdown(cancel_futures=True)
