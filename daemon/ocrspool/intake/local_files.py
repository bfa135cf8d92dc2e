"""Files that are read in place, for `ocrspool once`. The sources are not changed, and the results go to one folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocrspool.errors import DocumentError, Exit, OcrspoolError
from ocrspool.files import names
from ocrspool.files.faults import in_words, is_of_people
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.files.target_path import Place, target_path
from ocrspool.results.rendered import RenderedResult
from ocrspool.spool.growing_files import Return
from ocrspool.spool.jobs import Job
from ocrspool.spool.outbox import RESULT_SUFFIX


class LocalFiles:
    """The JobStore (spool/job_store.py) of `once`: where its jobs come from and go to."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self.failures: list[tuple[str, dict[str, Any]]] = []

    def jobs(self, paths: Iterable[Path], rules: NamePatterns) -> list[Job]:
        """Return a job for each named file and for each wanted file of each named folder.

        Results of a folder's files are named by their place in the folder. Raise OcrspoolError for a missing path.
        """
        jobs: list[Job] = []
        taken: set[str] = set()
        for path in paths:
            if not path.exists():
                raise MissingPathError(f"{names.printable(os.fspath(path))}: there is no such file or folder")
            for source, name in _files(path, rules):
                number = 1
                unique = name
                while unique in taken:
                    number += 1
                    unique = names.tagged(name, str(number))
                taken.add(unique)
                jobs.append(Job(secrets.token_hex(4), "once", unique, source))
        return jobs

    def begin(self, job: Job) -> Job:
        """Count an attempt."""
        return replace(job, attempts=job.attempts + 1)

    def note_death(self, job: Job, page: int) -> Job:
        """Remember that a decoder died at this page."""
        return replace(job, deaths=(*job.deaths, page))

    def suspend(self, job: Job) -> None:
        """Do nothing: the file is where it was."""

    def may_grow(self, job: Job) -> bool:  # noqa: ARG002 - a spool has to know which
        """Return False: a file that somebody names is whole."""
        return False

    def take_back(self, job: Job, error: DocumentError | None = None) -> Return | None:  # noqa: ARG002 - likewise
        """Return None: there is no inbox that a file could wait in."""
        return None

    def keep(self, job: Job) -> None:
        """Do nothing: the file stays where it is."""

    def place(self, job: Job, suffix: str) -> Place:
        """Return where an output of the job is put, beside its result; to be closed."""
        place = target_path(self._outbox, names.with_suffix(job.name, RESULT_SUFFIX), job.id)
        place.name = place.name.removesuffix(RESULT_SUFFIX) + suffix
        return place

    def done_as(self, job: Job) -> str:  # noqa: ARG002 - likewise
        """Return "": the file stays where it is."""
        return ""

    def deliver(self, job: Job, result: RenderedResult) -> Path:
        """Write the result whole, in place of an earlier one."""
        with self.place(job, RESULT_SUFFIX) as place:
            try:
                place.folder.write(place.name, result.data)
            except OSError as error:
                if not is_of_people(error) or not place.folder.may_write():
                    raise
                raise DocumentError(
                    "no-place", f"its result cannot be written: {in_words(error)}", stage="deliver"
                ) from error
            return place.path

    def fail(self, job: Job, reason: dict[str, Any]) -> Path:
        """Remember why the file was not read."""
        self.failures.append((os.fspath(job.source), reason))
        return job.source

    def finish(self, _job: Job) -> bool:
        """Tell that there is nothing to finish: each run reads anew."""
        return False

    def hangs(self) -> bool:
        """Return False: nobody watches this disk."""
        return False


class MissingPathError(OcrspoolError):
    """A path on the command line does not exist."""

    exit_code = Exit.NO_INPUT


def _files(path: Path, rules: NamePatterns) -> Iterator[tuple[Path, str]]:
    """Yield source and name of each file; a file that is named itself is read whatever its name."""
    if not path.is_dir():
        yield path, path.name
        return
    for at, folders, files in os.walk(path):
        inside = "" if at == os.fspath(path) else os.fspath(Path(at).relative_to(path)) + "/"
        folders[:] = sorted(name for name in folders if not rules.excludes(inside + name))
        for file in sorted(files):
            source = Path(at, file)
            name = os.fspath(source.relative_to(path))
            if rules.wants(name) and source.is_file() and not source.is_symlink():
                yield source, name
