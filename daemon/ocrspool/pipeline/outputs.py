"""Makes the outputs beside the JSON, each whole at the place where its delivery finds it.

Text outputs are in the draft already. Outputs that show pages are made by a decoder, which opens the file once more: no
other kind of process may look into a file. An output that cannot be made becomes a warning in the result, and the text
is delivered all the same.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from ocrspool.config.schema import Profile
from ocrspool.decoding.api import DecoderDiedError, DecoderPool, DecodersClosedError
from ocrspool.errors import DocumentError
from ocrspool.files import names
from ocrspool.files.target_path import Place
from ocrspool.pages import Notice
from ocrspool.pipeline.draft import Draft
from ocrspool.processes.memory_file import memory_file
from ocrspool.results.formats import FORMATS, Format
from ocrspool.results.schema import Output

_log = logging.getLogger(__name__)

_PICTURES = "The pdf shows pictures of the pages: the source can be read, but its structure is too damaged to be kept."


@dataclass(frozen=True, slots=True)
class SourceContext:
    """The file that a document was read from, for the outputs that show its pages."""

    source: Path
    profile: Profile
    decoders: DecoderPool
    hangs: Callable[[], bool] = lambda: False
    """Tells whether its disk does not answer."""


def load(wanted: Callable[[str], bool]) -> None:
    """Load what makes the outputs that are wanted: the files of the program may be replaced while it runs."""
    for output in FORMATS:
        if not output.needs_pages and wanted(output.name):
            output.module()


def add_outputs(draft: Draft, wanted: Collection[str], place: Callable[[str], Place], source: SourceContext) -> Draft:
    """Make the wanted outputs, each at `place(suffix)`. Return the draft with their names and with warnings.

    Raise DecodersClosedError when the service stops, OSError when the disk is full.
    """
    if not wanted:
        return draft
    made: list[Output] = []
    warnings: list[Notice] = []
    seconds = dict(draft.run.seconds)
    shown = _ShownDocument(draft, source)
    for output in [each for each in FORMATS if each.name in wanted]:
        began = time.monotonic()
        with place(output.suffix) as target:
            try:
                warnings += _make(output, draft, target, shown)
                made.append(Output(output.name, output.suffix))
            except DocumentError as error:
                warnings.append(_nothing_to_show(output, error) or _not_made(output, draft, error))
        before = 0.0 if output.needs_pages else draft.texts[output.name].seconds
        seconds[output.name] = round(before + time.monotonic() - began, 4)
    return replace(
        draft,
        outputs=tuple(made),
        warnings=(*draft.warnings, *warnings),
        run=replace(draft.run, seconds=seconds),
    )


def _nothing_to_show(output: Format, error: DocumentError) -> Notice | None:
    """Return what is said of an output that is not made because the document has nothing for it. It is no failure."""
    if error.kind != "no-table":
        return None
    return Notice("no-table", f"There is no {output.name}: {error.message}", None)


def _not_made(output: Format, draft: Draft, error: DocumentError) -> Notice:
    of_job = {"job": draft.run.job, "inbox": draft.inbox}
    _log.warning("no %s: %s", output.name, names.printable(error.message), extra=of_job)
    return Notice("output-failed", f"There is no {output.name}: {error.message}", error.page)


def _make(output: Format, draft: Draft, target: Place, shown: _ShownDocument) -> list[Notice]:
    """Make one output. Return warnings. Raise DocumentError where the document does not allow it."""
    if not output.needs_pages:
        data = draft.texts[output.name].data
        if isinstance(data, DocumentError):
            raise data
        target.folder.write(target.name, data)
        return []
    kept = _write_again_if_died(output, target, shown)
    return [] if kept else [Notice("pages-as-pictures", _PICTURES, None)]


def _write_again_if_died(output: Format, target: Place, shown: _ShownDocument) -> bool:
    """Let a decoder write an output, and another one where it dies. Raise DocumentError where that one dies too."""
    try:
        return shown.write(output, target)
    except DecodersClosedError:
        raise
    except DecoderDiedError:
        _log.debug("a decoder died of %s; it is tried once more", output.name)  # the cause may not be this file
    try:
        return shown.write(output, target)
    except DecodersClosedError:
        raise
    except DecoderDiedError as error:
        raise DocumentError("crash", str(error)) from error


class _ShownDocument:
    """A document of which decoders make outputs that show its pages. It is rendered once for all of them."""

    def __init__(self, draft: Draft, source: SourceContext) -> None:
        self._draft = draft
        self._source = source
        self._result = b""

    def write(self, output: Format, target: Place) -> bool:
        """Let a decoder write an output. Tell whether it shows the pages as they are.

        Raise DocumentError, DecoderDiedError or OSError.
        """
        self._result = self._result or self._draft.as_json()
        profile = self._source.profile.model_copy(update={"page_side": output.page_side})
        with memory_file(self._result) as result, os.fdopen(target.folder.scratch(), "w+b", 0) as made:
            with self._source.decoders.take(self._draft.inbox, self._source.hangs) as decoder:
                decoder.open(self._source.source, profile, whole=False)
                kept = decoder.view(output.name, result, made.fileno())
            # A copy, because a decoder that was taken over could keep its descriptor and change what was delivered.
            made.seek(0)
            with target.folder.writing(target.name) as file:
                shutil.copyfileobj(made, file)
        return kept
