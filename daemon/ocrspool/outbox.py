"""An outbox: under which name the files of a document appear, and in which order.

All files of one document have one stem. The result comes last, so whoever sees it finds the rest beside it; a
marker, if wanted, comes behind it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrspool import atomic, names, records
from ocrspool.places import PRIVATE, placed
from ocrspool.result import SUFFIXES

RESULT_SUFFIX = ".json"
MARKER_SUFFIX = ".done"
BEGUN_SUFFIX = ".begun"
"""Of the record in work/ that says under which name a delivery has begun."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox of one spool. Used by one thread at a time: what is free for one is taken for the next."""

    folder: Path
    mode: int | None = None
    """Mode of what is put there; None: as the umask has it."""
    mark: bool = False
    """Whether an empty file says that all outputs of a document are there."""

    def publish(self, saved: Path, name: str, result: dict[str, Any]) -> Path:
        """Make the result of a source of this name appear, after the outputs that it names. Return where it is.

        They lie in work/, the result as `saved` and the outputs beside it, and stay there. A result of the same
        document is replaced; that of another is left, and all files of this one are tagged.
        """
        digest = digest_of(result)
        target = self._begun(saved, digest) or self._free(name, digest)
        suffixes = _suffixes(result)
        if suffixes:
            # After a crash what has appeared is known for this document's, though no result tells of it yet.
            began = names.to_json(os.fspath(target.relative_to(self.folder)))
            atomic.write(beside(saved, BEGUN_SUFFIX), records.dump(began))
        marker = beside(target, MARKER_SUFFIX)
        if self.mark:
            marker.unlink(missing_ok=True)
        for suffix in suffixes:
            with contextlib.suppress(FileNotFoundError):  # someone has tidied work/: that must not stop the rest
                self._appear(beside(saved, suffix), beside(target, suffix))
        if suffixes:
            atomic.sync_folder(target.parent)
        self._appear(saved, target)
        if self.mark:
            marker.touch()
            if self.mode is not None:
                marker.chmod(self.mode)
        atomic.sync_folder(target.parent)
        return target

    def _appear(self, saved: Path, target: Path) -> None:
        atomic.publish(saved, target, self.folder / PRIVATE, self.mode)

    def _begun(self, saved: Path, digest: str) -> Path | None:
        """Return where a delivery that a crash ended was putting the result; None where there was none."""
        name = names.from_json(records.load(beside(saved, BEGUN_SUFFIX)))
        if not name:
            return None
        path = placed(self.folder, name, digest[:8], self.mode)
        return path if not os.path.lexists(path) or digest_of(records.load(path)) == digest else None

    def _free(self, name: str, digest: str) -> Path:
        """Return the first name for a result that is free or holds a result of the same document."""
        for tag in ("", digest[:8], digest[:16]):
            path = placed(self.folder, names.with_suffix(name, RESULT_SUFFIX, tag), digest[:8], self.mode)
            if os.path.lexists(path):
                if digest_of(records.load(path)) == digest:
                    return path
            elif tag or not _has_outputs(path):
                return path
        return placed(self.folder, names.with_suffix(name, RESULT_SUFFIX, digest), digest[:8], self.mode)


def beside(result: Path, suffix: str) -> Path:
    """Return the path of another file of a result: its own, with this suffix."""
    return result.with_name(result.name.removesuffix(RESULT_SUFFIX) + suffix)


def digest_of(result: dict[str, Any]) -> str:
    """Return the sha256 of the document that a result is of; "" where it is none."""
    source = result.get("source")
    return str(source.get("sha256", "")) if isinstance(source, dict) else ""


def _suffixes(result: dict[str, Any]) -> list[str]:
    """Return the suffixes of the outputs that a result names."""
    return [SUFFIXES[name] for output in result.get("outputs", ()) if (name := output.get("format")) in SUFFIXES]


def _has_outputs(result: Path) -> bool:
    """Tell whether files lie around a name that has no result: another document's, whose result has been taken."""
    return any(os.path.lexists(beside(result, suffix)) for suffix in SUFFIXES.values())
