"""The registry of outputs: every file that can appear beside the JSON of a document.

A new output is a module in `render/` and one line in `FORMATS`. Everything else follows from that line: the words that
the configuration takes, the names of the files, the order in which they are made, and what an audit expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

JSON = "json"
"""The output that every document has. It appears last."""


@dataclass(frozen=True, slots=True)
class Format:
    """One output."""

    name: str
    """Its name in the configuration and in the result."""
    suffix: str
    """What its file is called, in place of `.json`. It has at most five characters, so that a name that fits fits for
    all outputs."""
    renderer: str
    """The module that makes it. `render(document)` of that module returns a text output as bytes. `write_pages` writes
    one that shows pages (see `ShownPages` in render/page_picture.py)."""
    page_side: int = 0
    """Pixels to which the longer side of a page is reduced for an output that shows pages. 0: it needs no pages."""
    loads_late: bool = False
    """Whether a decoder loads the module only where an inbox wants the output, because its library is large."""

    @property
    def needs_pages(self) -> bool:
        """Tell whether it shows pages, so that a decoder has to make it."""
        return self.page_side > 0

    def module(self) -> Any:  # noqa: ANN401 - a module
        """Return the module that makes it."""
        return import_module(self.renderer)


FORMATS = (
    Format("txt", ".txt", "ocrspool.render.txt"),
    Format("md", ".md", "ocrspool.render.md"),
    Format("csv", ".csv", "ocrspool.render.csv"),
    Format("tsv", ".tsv", "ocrspool.render.tsv"),
    Format("hocr", ".hocr", "ocrspool.render.hocr"),
    Format("alto", ".xml", "ocrspool.render.alto"),
    Format("html", ".html", "ocrspool.render.html", page_side=1600),
    Format("pdf", ".pdf", "ocrspool.render.pdf.output", page_side=32_000, loads_late=True),
)
"""All outputs, in the order in which they are made. 1600 pixels are enough for a screen, and 32,000 for any page."""

SUFFIXES = {each.name: each.suffix for each in FORMATS}
"""The suffix of each output by its name."""
