"""Makes the outputs beside the JSON, each put whole where its delivery finds it.

Texts are made here, of the document alone. What shows pages is made by a decoder, which opens the file once more: it
is the one kind of process that may look into a file, and dies alone. What cannot be made is a warning in the result,
and never costs the text.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ocrspool.config.schema import Profile
from ocrspool.decoding.client import DecoderDiedError, DecodersClosedError
from ocrspool.decoding.pool import DecoderPool
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.files.target_path import Place
from ocrspool.render import alto, csv, hocr, json, md, tsv, txt
from ocrspool.results.schema import SUFFIXES, Document, Notice, Output

_log = logging.getLogger(__name__)

_TEXTS: dict[str, Callable[[Document], bytes]] = {
    "txt": txt.render,
    "md": md.render,
    "csv": csv.render,
    "tsv": tsv.render,
    "hocr": hocr.render,
    "alto": alto.render,
}
_VIEWS = {"html": 1600, "pdf": 32_000}
"""What a decoder makes; pixels to which the longer side of a page is reduced: enough for a screen, and anything. (Of a
page that is much longer than wide, see `decode.sizes`.)"""
_PICTURES = "The pdf shows pictures of the pages: the source can be read, but its structure is too damaged to be kept."


@dataclass(frozen=True, slots=True)
class SourceContext:
    """The file that a document was read from, for those outputs that show it."""

    source: Path
    profile: Profile
    decoders: DecoderPool
    hangs: Callable[[], bool] = lambda: False
    """Tells whether its disk does not answer."""


def add_outputs(
    document: Document, wanted: Collection[str], place: Callable[[str], Place], origin: SourceContext
) -> Document:
    """Make the wanted outputs, each at `place(suffix)`. Return the document, which names them and what could not be.

    Raise DecodersClosedError when the service stops, OSError when the disk is full.
    """
    made: list[Output] = []
    notices: list[Notice] = []
    seconds = dict(document.run.seconds)
    for name in [name for name in SUFFIXES if name in wanted]:
        began = time.monotonic()
        with place(SUFFIXES[name]) as target:
            problem = _make(name, document, target, origin)
        seconds[name] = round(time.monotonic() - began, 4)
        if problem is None or isinstance(problem, Notice):
            made.append(Output(name, SUFFIXES[name]))
            notices += [problem] if problem else []
            continue
        _log.warning(
            "no %s: %s",
            name,
            names.printable(problem.message),
            extra={"job": document.run.job, "inbox": document.source.inbox},
        )
        notices.append(Notice("output-failed", f"There is no {name}: {problem.message}", problem.page))
    return replace(
        document,
        outputs=tuple(made),
        warnings=(*document.warnings, *notices),
        run=replace(document.run, seconds=seconds),
    )


def _make(name: str, document: Document, target: Place, origin: SourceContext) -> DocumentError | Notice | None:
    """Make one output. Return why the document does not allow it, if so, or what is to be said of it."""
    if name in _TEXTS:
        try:
            target.folder.write(target.name, _TEXTS[name](document))
        except DocumentError as error:
            return error
        return None
    problem = _write_view(name, document, target, origin)
    if isinstance(problem, DocumentError) and problem.kind == "crash":
        # A decoder may have been killed for a reason that has nothing to do with this file.
        return _write_view(name, document, target, origin)
    return problem


def _write_view(name: str, document: Document, target: Place, origin: SourceContext) -> DocumentError | Notice | None:
    """Let a decoder write a view. Return why it did not, or what is to be said of it.

    Raise DecodersClosedError or OSError.
    """
    profile = origin.profile.model_copy(update={"page_side": _VIEWS[name]})
    try:
        with _memory_file(json.render(document)) as result, os.fdopen(target.folder.scratch(), "w+b", 0) as made:
            with origin.decoders.take(document.source.inbox, origin.hangs) as decoder:
                decoder.open(origin.source, profile, whole=False)
                kept = decoder.view(name, result, made.fileno())
            # A copy, because a decoder that was taken over could keep its descriptor and change what was delivered.
            made.seek(0)
            with target.folder.writing(target.name) as file:
                shutil.copyfileobj(made, file)
    except DecodersClosedError:
        raise
    except DecoderDiedError as error:
        return DocumentError("crash", str(error))
    except DocumentError as error:
        return error
    return None if kept else Notice("pages-as-pictures", _PICTURES, None)


@contextmanager
def _memory_file(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("result", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)
