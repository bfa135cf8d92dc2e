"""An outbox: the names under which the files of a document appear, and their order.

All files of one document have one stem. The result comes last, so a program that sees it finds the other files beside
it. A marker, if wanted, follows it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError
from ocrspool.files import json_file, names
from ocrspool.files.faults import is_of_people
from ocrspool.files.folder import Folder
from ocrspool.files.publish import Publisher
from ocrspool.files.target_path import Place, target_path
from ocrspool.results.formats import SUFFIXES
from ocrspool.results.rendered import ResultFiles

RESULT_SUFFIX = ".json"
MARKER_SUFFIX = ".done"
SAVED = "result"
"""The stem of the outputs in a job's folder."""
_RESULT, BEGUN = SAVED + RESULT_SUFFIX, SAVED + ".begun"
"""The result, and the record that says under which name a delivery has begun."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox of one spool. One thread uses it at a time: a name that is free for one is taken for the next."""

    folder: Path
    mode: int | None = None
    """Mode of the files; None: as the umask has it."""
    mark: bool = False
    """Whether an empty file marks that all outputs of a document are there."""

    def publish(self, job: Folder, job_id: str, name: str, files: ResultFiles) -> Place:
        """Make the result of a source of this name appear, after the outputs beside it. Return its place, to be closed.

        The caller syncs the folder of that place: the result is not on disk before.

        They lie in the open folder of the job, and stay there. A result of the same document is replaced. A result of
        another document is left, and all files of this one are tagged. They are tagged too where anything else has one
        of the names. Raise OSError where the disk or the outbox is at fault, DocumentError where people have left no
        name free.
        """
        problem: OSError | None = None
        for place in self._places(job, job_id, name, files.digest):
            problem = self._put_or_close(job, place, files.suffixes)
            if problem is None:
                return place
        with Folder.at(self.folder) as outbox:
            if problem is not None and not outbox.may_write():
                raise problem
        raise DocumentError(
            "no-place",
            f"no name in the outbox could be had for its result ({problem.strerror if problem else 'all are taken'})",
            "take away what lies there in the place of results, then `ocrspool retry`",
            stage="deliver",
        ) from problem

    def _put_or_close(self, job: Folder, place: Place, suffixes: Sequence[str]) -> OSError | None:
        """Make the files appear. Close the place where people are in the way, and return how. Raise other errors."""
        try:
            self._put(job, place, suffixes)
        except OSError as error:
            place.folder.close()
            if not is_of_people(error):
                raise
            return error
        return None

    def _put(self, job: Folder, place: Place, suffixes: Sequence[str]) -> None:
        if suffixes:
            # After a crash this shows that what has appeared is this document's.
            began = names.to_json(place.below(self.folder))
            job.write(BEGUN, json_file.dump(began))
        folder, stem = place.folder, place.name.removesuffix(RESULT_SUFFIX)
        if self.mark:
            folder.unlink(stem + MARKER_SUFFIX)
        publisher = Publisher(job, self.folder, self.mode)
        for suffix in suffixes:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed it, which must not stop the rest
                publisher.publish(SAVED + suffix, folder, stem + suffix)
        if suffixes:
            folder.sync()
        publisher.publish(_RESULT, folder, place.name)
        if self.mark:
            self._mark(folder, stem + MARKER_SUFFIX)

    def _mark(self, folder: Folder, name: str) -> None:
        with contextlib.suppress(FileExistsError):  # somebody has put something there, which stays as it is
            descriptor = folder.new(name)
            try:
                if self.mode is not None:
                    os.fchmod(descriptor, self.mode)
            finally:
                os.close(descriptor)

    def _places(self, job: Folder, job_id: str, name: str, digest: str) -> Iterator[Place]:
        """Yield the places that are free or hold a result of the same document, best first."""
        begun = names.from_json(json_file.load(job, BEGUN))
        if begun:  # a crash has cut a delivery to this name short
            place = self._placed(begun, digest)
            if place.folder.stat(place.name) is None or _digest_at(place) == digest:
                yield place
            else:
                place.folder.close()
        for tag in ("", digest[:8], digest[:16], digest, job_id):
            place = self._placed(names.with_suffix(name, RESULT_SUFFIX, tag), digest)
            if self._is_free(place, digest, tag):
                yield place
            else:
                place.folder.close()

    def _placed(self, name: str, digest: str) -> Place:
        return target_path(self.folder, name, digest[:8], self.mode)

    def _is_free(self, place: Place, digest: str, tag: str) -> bool:
        if place.folder.stat(place.name) is not None:
            return _digest_at(place) == digest
        # Files around a name that has no result are another document's, whose result has been taken.
        beside = [found for suffix in self._beside() if (found := place.folder.stat(_with(place, suffix))) is not None]
        return not beside if not tag else all(stat.S_ISREG(found.st_mode) for found in beside)

    def _beside(self) -> tuple[str, ...]:
        return (*SUFFIXES.values(), MARKER_SUFFIX) if self.mark else tuple(SUFFIXES.values())


def beside(result: Path, suffix: str) -> Path:
    """Return the path of another file of a result: its own, with this suffix."""
    return result.with_name(result.name.removesuffix(RESULT_SUFFIX) + suffix)


def digest_of(result: dict[str, Any]) -> str:
    """Return the sha256 of the document that a result is of; "" where it is none."""
    return _sha256(result.get("source"))


def _digest_at(place: Place) -> str:
    """Return the sha256 of the document that the result in a place is of; of a file of any size, at once."""
    return _sha256(json_file.load_head(place.folder, place.name, "source"))


def _sha256(source: object) -> str:
    return str(source.get("sha256", "")) if isinstance(source, dict) else ""


def _with(place: Place, suffix: str) -> str:
    return place.name.removesuffix(RESULT_SUFFIX) + suffix


def files_of(result: dict[str, Any]) -> ResultFiles:
    """Return what a result that has been read says of itself."""
    outputs, run = result.get("outputs"), result.get("run")
    named = [each.get("format") for each in outputs if isinstance(each, dict)] if isinstance(outputs, list) else []
    done_as = done_name(run.get("done_as"), run.get("done_as_base64")) if isinstance(run, dict) else ""
    return ResultFiles(
        digest_of(result),
        tuple(SUFFIXES[name] for name in named if isinstance(name, str) and name in SUFFIXES),
        done_as,
    )


def done_name(path: str | None, path_base64: str | None) -> str:
    """Return the path below done/ that a result tells of its source; "" where it tells none."""
    return names.from_json({"path": path, "path_base64": path_base64})
