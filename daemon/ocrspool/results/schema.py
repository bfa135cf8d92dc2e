"""The published result of one document: plain values in the order in which they are written.

The schema in `ocrspool schema result` is generated from these classes. Two runs of the same bytes through the same
engine may differ in `run` only. With several equal GPUs the device in `read_by` may differ too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ocrspool.pages import Notice
from ocrspool.results.blocks import Block

SCHEMA = "ocrspool-result/1"


@dataclass(frozen=True, slots=True)
class Source:
    """The file that was read."""

    name: str
    """The name of the file. Bytes that are not UTF-8 are written as \\xNN."""
    path: str
    """The path of the file relative to the inbox."""
    path_base64: str | None
    """The exact bytes of the path in base64 if it is not UTF-8, otherwise null."""
    inbox: str
    """The name of the inbox. "once" if the file was read without an inbox."""
    size: int
    """The size of the file in bytes."""
    sha256: str
    """The SHA-256 of the file in hexadecimal."""
    media_type: str
    """The media type. It is determined from the content of the file and not from its name."""
    pages: int
    """The number of pages of the file."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line. Han and kana are written without spaces, so each of these characters is a word."""

    text: str
    """The text of the word."""
    confidence: float
    """How sure the text is, from 0 to 1: the mean over the characters of the word."""
    polygon: tuple[tuple[float, float], ...]
    """Four points (x, y) around the ink of the word, clockwise. The first is the top left corner of the text as it is
    read."""

    @property
    def bounding_box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        xs, ys = [x for x, _ in self.polygon], [y for _, y in self.polygon]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    order: int
    """The place of the line in the reading order of the page, from 0."""
    text: str
    """The text of the line."""
    confidence: float
    """How sure the text is, from 0 to 1: the mean over the characters."""
    detection_confidence: float
    """How sure it is that this is text at all, from 0 to 1."""
    polygon: tuple[tuple[float, float], ...]
    """Four points (x, y) around the line, clockwise. The first is the top left corner of the text as it is read."""
    bounding_box: tuple[float, float, float, float]
    """The upright rectangle around the line: left, top, right, bottom."""
    words: tuple[Word, ...] = field(default=(), kw_only=True)
    """The words of the line, in the order in which they are read. Together they are `text` without its spaces. The list
    is empty if the inbox asks for no words."""
    reader: str | None = field(default=None, kw_only=True)
    """The reader that read the line, as the configuration calls it. null if the text is the PDF's own."""


@dataclass(frozen=True, slots=True)
class PageError:
    """Why a page could not be read."""

    kind: str
    """The kind of the error: one word, for programs."""
    message: str
    """What happened: a sentence, for people."""
    hint: str
    """What to do. It may be empty."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """The device and the engine that read a page."""

    device: str
    """The device: cpu, or the name of the GPU in the configuration, for example gpu:0."""
    fingerprint: str
    """The fingerprint of the engine. It is that of the document's `engine` or of one of its `other_engines`."""
    host: str | None = field(default=None, kw_only=True)
    """The name of the host of the cluster that read the page. null: the machine that the result names in `run.host`."""
    finder: str | None = field(default=None, kw_only=True)
    """The finder that found the lines of the page, as the configuration calls it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. A blank page has no lines."""

    number: int
    """The number of the page, from 1."""
    status: Literal["ok", "failed"]
    """ok: the page was read. failed: the page has no lines, and `error` says why."""
    width: int
    """The width of the source page in pixels."""
    height: int
    """The height of the source page in pixels."""
    unit: Literal["px"]
    """The unit of width, height, polygons and bounding boxes: pixels of the source page."""
    origin: Literal["top-left"]
    """The corner from which polygons and bounding boxes are measured."""
    dpi: float | None
    """Pixels per inch. For a PDF: the resolution of rendering. For an image: what the file states, otherwise null."""
    rotation: int
    """The angle, in degrees clockwise, by which the page must be turned to be read. Polygons are on the unturned
    page."""
    text_from: Literal["ocr", "pdf"] = field(default="ocr", kw_only=True)
    """ocr: the text was recognized. pdf: it is the PDF's own text, which agrees with what the page shows. Its
    confidence is 1."""
    read_by: ReadBy | None = field(default=None, kw_only=True)
    """The device and the engine that read the page. null for a page that failed or whose text is the PDF's own."""
    text: str
    """The texts of the lines in reading order, joined by line feeds."""
    confidence: float | None
    """The mean confidence of the lines. null if there are no lines."""
    lines: tuple[Line, ...]
    """The lines in reading order."""
    blocks: tuple[Block, ...] = field(default=(), kw_only=True)
    """The blocks in reading order: paragraphs, headings, list items, tables and so on. They refer to the lines by
    their `order`."""
    error: PageError | None
    """Why the page could not be read. null if it was read."""


@dataclass(frozen=True, slots=True)
class Model:
    """One net of the engine."""

    role: str
    """The task of the net: detection, recognition or classifier."""
    name: str
    """The name of the model."""
    sha256: str
    """The SHA-256 of the model's file in hexadecimal."""
    reader: str | None = field(default=None, kw_only=True)
    """For a recognition model: the name of the reader that has it. Otherwise null."""
    finder: str | None = field(default=None, kw_only=True)
    """For a detection model: the name of the finder that has it. Otherwise null."""
    languages: tuple[str, ...] = field(default=(), kw_only=True)
    """For a recognition model: the scripts that it reads. Otherwise the list is empty."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: the models, compiled for one device, that read pages."""

    name: Literal["ocrspool"]
    """The name of the program."""
    version: str
    """The version of ocrspool."""
    runtime: str
    """The library that runs the nets: openvino, onnxruntime, paddle or tensorrt."""
    runtime_version: str
    """The version of that library."""
    device: str
    """The kind of the device: cpu or gpu. Of several GPUs, `read_by` of each page says which one."""
    precision: str
    """The precision of the arithmetic: f32, bf16 or f16."""
    fingerprint: str
    """The fingerprint of all that the engine depends on. `ocrspool engines ls` explains it."""
    models: tuple[Model, ...]
    """The nets of the engine."""


@dataclass(frozen=True, slots=True)
class Output:
    """Another file with the same text. It appeared beside the result, and before it."""

    format: str
    """The name of the output, as in the configuration."""
    suffix: str
    """The suffix of the file. Its name is the name of the result with this suffix in place of `.json`."""


@dataclass(frozen=True, slots=True)
class Run:
    """Facts of this run. Only these differ when the same document is read again."""

    job: str
    """The id of the job, as in the log and in `ocrspool status`."""
    host: str
    """The name of the machine."""
    attempts: int
    """The number of attempts to read the file, this one included."""
    started_at: str
    """The time at which the run began: RFC 3339, in UTC."""
    finished_at: str
    """The time at which the run ended: RFC 3339, in UTC."""
    seconds: dict[str, float]
    """The wall time of each stage in seconds. Pages of one document may be in several stages at once."""
    done_as: str | None = field(default=None, kw_only=True)
    """The path of the source file in `done/`, relative to it. null if the file is deleted, and in results of `once`."""
    done_as_base64: str | None = field(default=None, kw_only=True)
    """The exact bytes of `done_as` in base64 if it is not UTF-8, otherwise null."""
    hosts: tuple[str, ...] = field(default=(), kw_only=True)
    """The hosts of the cluster that read pages, in the order of the pages. Empty if this machine read them all."""


@dataclass(frozen=True, slots=True)
class Document:
    """The result of one source file."""

    schema: Literal["ocrspool-result/1"]
    """The name and the version of this format."""
    status: Literal["ok", "partial"]
    """ok: all pages were read. partial: at least one page failed."""
    source: Source
    """The file that was read."""
    text: str
    """The texts of the pages, joined by form feeds."""
    pages: tuple[Page, ...]
    """The pages in the order of the file."""
    engine: Engine
    """The engine that read the document. If several engines read it, the one that read the first of the pages."""
    other_engines: tuple[Engine, ...] = field(default=(), kw_only=True)
    """Further engines that read pages of the document. Usually there are none. `read_by` of each page names one."""
    outputs: tuple[Output, ...] = field(default=(), kw_only=True)
    """The other files that appeared for this document."""
    warnings: tuple[Notice, ...]
    """The warnings. The list is empty if there are none."""
    run: Run
    """Facts of this run."""
