"""`ocrspool retry`: move failed files back to the place from which they came."""

from __future__ import annotations

import contextlib
import os
import sys

from ocrspool.config.schema import Config
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.files.answering import silent
from ocrspool.files.faults import in_words
from ocrspool.processes.owner import acting_as_owner
from ocrspool.spool.lock import LOCK
from ocrspool.spool.spool import Spool


def retry(config: Config, wanted: list[str], *, inbox: str | None, everything: bool) -> int:
    """Move failed files back. 66 when a name is not among them, 75 where a disk does not answer."""
    if not wanted and not everything:
        print("ocrspool: name the files, or say --all", file=sys.stderr)
        return Exit.USAGE
    if inbox is not None and inbox not in config.inbox:
        print(f"ocrspool: there is no inbox {inbox!r}; there are: {', '.join(config.inbox)}", file=sys.stderr)
        return Exit.USAGE
    left = set(wanted)
    kept = 0
    chosen = [inbox] if inbox else [*config.inbox]
    hangs = silent({name: [*config.inbox[name].folders().values()] for name in chosen})
    for name in chosen:
        if name in hangs:
            at = config.inbox[name].folder("failed")
            print(f"ocrspool: inbox {name}: the disk of {at} does not answer; nothing was moved", file=sys.stderr)
            continue
        spool = Spool(name, config.inbox[name].folders())
        # The failed folder may hold anything that people have put there: root does no more there than its owner may.
        with contextlib.suppress(FileNotFoundError), acting_as_owner(spool.work, spool.failed, lock=LOCK):
            kept += _retry(spool, left, everything=everything)
    for name in sorted(left):
        print(f"ocrspool: {names.printable(name)}: no failed file of this name", file=sys.stderr)
    if hangs:
        return Exit.TEMPORARY
    return Exit.NO_INPUT if left else Exit.CANT_CREATE if kept else Exit.OK


def _retry(spool: Spool, left: set[str], *, everything: bool) -> int:
    """Move files of one inbox back, and take their names out of `left`. Return how many could not be moved."""
    kept = 0
    for failed, reason in list(spool.failures()):
        relative = os.fspath(failed.relative_to(spool.failed))
        shown = names.printable(relative)
        if not (everything or {relative, shown} & left):
            continue
        left -= {relative, shown}
        try:
            target = spool.retry(failed, reason)
        except OSError as error:
            kept += 1
            taken = isinstance(error, FileExistsError)
            why = "a file of its name is in the inbox" if taken else in_words(error)
            print(f"{shown}: stays; {why}", file=sys.stderr)
        else:
            print(f"{shown} → {names.printable(os.fspath(target))}")
    return kept
