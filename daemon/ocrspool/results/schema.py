"""The result of one document, as it is published: plain values, in the order in which they are written.

The schema in `ocrspool schema result` is generated from these classes. Only `run` may differ between two runs of
the same bytes through the same engine; with several GPUs alike, the device in `read_by` may differ too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ocrspool import __version__

SCHEMA = "ocrspool-result/1"

SUFFIXES = {"txt": ".txt", "tsv": ".tsv", "hocr": ".hocr", "alto": ".xml", "html": ".html", "pdf": ".pdf"}
"""What each further output is called, in place of `.json`; none is longer, so a name that fits that fits all."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file that was read."""

    name: str
    """File name; bytes that are not UTF-8 as \\xNN."""
    path: str
    """Relative to the inbox."""
    path_base64: str | None
    """The exact bytes of `path`, where it is not UTF-8."""
    inbox: str
    """Name of the inbox; "once" where it was read without one."""
    size: int
    """Bytes."""
    sha256: str
    """Of the file, in hexadecimal."""
    media_type: str
    """As its content says, whatever its name says."""
    pages: int
    """Pages in the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    order: int
    """Place in the reading order of the page, from 0."""
    text: str
    confidence: float
    """0 to 1: mean over the characters."""
    detection_confidence: float
    """0 to 1: that this is text at all."""
    polygon: tuple[tuple[float, float], ...]
    """Four points, clockwise from the top left of the text as it is read."""
    bounding_box: tuple[float, float, float, float]
    """Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class PageError:
    """Why a page could not be read."""

    kind: str
    """One word, for programs."""
    message: str
    hint: str
    """What to do; may be empty."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """What read a page."""

    device: str
    """cpu, or the GPU as the configuration names it: gpu:0."""
    fingerprint: str
    """Of the engine: that of the document's `engine`, or of one of its `other_engines`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. A blank one has no lines."""

    number: int
    """From 1."""
    status: Literal["ok", "failed"]
    """failed: it has no lines, and `error` says why."""
    width: int
    height: int
    unit: Literal["px"]
    """Of width, height, polygons and boxes: pixels of the source page."""
    origin: Literal["top-left"]
    dpi: float | None
    """Pixels per inch: as rendered for PDF, as the file says for images, null where it does not."""
    rotation: int
    """Degrees clockwise by which the page has to be turned to be read; polygons are on the page as it is."""
    text_from: Literal["ocr", "pdf"] = field(default="ocr", kw_only=True)
    """pdf: the text is the PDF's own, as it agrees with what is seen; its confidence is 1."""
    read_by: ReadBy | None = field(default=None, kw_only=True)
    """null where no engine has read it: a page that failed, or whose text is the PDF's own."""
    text: str
    """The lines in reading order, joined by a line feed."""
    confidence: float | None
    """Mean over the lines; null without any."""
    lines: tuple[Line, ...]
    error: PageError | None


@dataclass(frozen=True, slots=True)
class Model:
    """One net of the engine."""

    role: str
    """detection, recognition or classifier."""
    name: str
    sha256: str
    """Of the model's file, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What reads."""

    name: Literal["ocrspool"]
    version: str
    """Of ocrspool."""
    runtime: str
    """openvino, onnxruntime or paddle."""
    runtime_version: str
    device: str
    """cpu or gpu; each page says which of several."""
    precision: str
    """f32, bf16 or f16."""
    fingerprint: str
    """Of all that the engine depends on: `ocrspool engines ls` explains it."""
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """Another file with the same text, which appeared beside this one, before it."""

    format: str
    """txt, tsv, hocr, alto, html or pdf."""
    suffix: str
    """Its name is the name of this file, with this in place of `.json`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a reader of the result may want to know."""

    code: str
    """One word, for programs."""
    message: str
    page: int | None
    """From 1; null where it is not about one page."""
    lines: tuple[int, ...] = field(default=(), kw_only=True)
    """The lines of that page that it is about, each by its `order`; empty where it is not about single lines."""


@dataclass(frozen=True, slots=True)
class Run:
    """This one run: all that differs when the same document is read again."""

    job: str
    """As in the log and in `ocrspool status`."""
    host: str
    attempts: int
    """How often the file was tried, this time included."""
    started_at: str
    """RFC 3339, UTC."""
    finished_at: str
    seconds: dict[str, float]
    """Wall time by stage; pages of a document may be in several stages at once."""


@dataclass(frozen=True, slots=True)
class Document:
    """The result of one source file."""

    schema: Literal["ocrspool-result/1"]
    status: Literal["ok", "partial"]
    """partial: at least one page failed."""
    source: Source
    text: str
    """The pages' texts, joined by a form feed."""
    pages: tuple[Page, ...]
    engine: Engine
    """What read the document. Where several engines did, this is the one that read the first of the pages."""
    other_engines: tuple[Engine, ...] = field(default=(), kw_only=True)
    """Further engines that read pages of it; mostly there is none. Each page says in `read_by` which one read it."""
    outputs: tuple[Output, ...] = field(default=(), kw_only=True)
    warnings: tuple[Notice, ...]
    run: Run


def engine_from(facts: Mapping[str, Any]) -> Engine:
    """Return the engine that a worker described."""
    return Engine(
        name="ocrspool",
        version=__version__,
        runtime=facts["runtime"],
        runtime_version=facts["runtime_version"],
        device=facts["device"],
        precision=facts["precision"],
        fingerprint=facts["fingerprint"],
        models=tuple(Model(**model) for model in facts["models"]),
    )


def document_from(found: Mapping[str, Any]) -> Document:
    """Return the document that a result file of ours holds. Raise KeyError or TypeError where it is none."""
    return Document(
        schema=found["schema"],
        status=found["status"],
        source=Source(**found["source"]),
        text=found["text"],
        pages=tuple(_page_from(page) for page in found["pages"]),
        engine=_engine_from(found["engine"]),
        other_engines=tuple(map(_engine_from, found.get("other_engines", ()))),
        outputs=tuple(Output(**output) for output in found.get("outputs", ())),
        warnings=tuple(Notice(**{**notice, "lines": tuple(notice.get("lines", ()))}) for notice in found["warnings"]),
        run=Run(**found["run"]),
    )


def _engine_from(found: Mapping[str, Any]) -> Engine:
    return Engine(**{**found, "models": tuple(Model(**model) for model in found["models"])})


def _page_from(found: Mapping[str, Any]) -> Page:
    lines = tuple(
        Line(
            **{
                **line,
                "polygon": tuple((x, y) for x, y in line["polygon"]),
                "bounding_box": tuple(line["bounding_box"]),
            }
        )
        for line in found["lines"]
    )
    error = PageError(**found["error"]) if found["error"] else None
    read_by = ReadBy(**found["read_by"]) if found.get("read_by") else None
    return Page(**{**found, "lines": lines, "error": error, "read_by": read_by})
