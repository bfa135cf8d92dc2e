"""`ocrspool retry`: failed files go back to where they came from."""

from __future__ import annotations

import os
import sys

from ocrspool import names
from ocrspool.config import Config
from ocrspool.errors import Exit
from ocrspool.spool import Spool


def retry(config: Config, wanted: list[str], *, inbox: str | None, everything: bool) -> int:
    """Move failed files back. 66 when a name is not among them."""
    if not wanted and not everything:
        print("ocrspool: name the files, or say --all", file=sys.stderr)
        return Exit.USAGE
    if inbox is not None and inbox not in config.inbox:
        print(f"ocrspool: there is no inbox {inbox!r}; there are: {', '.join(config.inbox)}", file=sys.stderr)
        return Exit.USAGE
    left = set(wanted)
    kept = 0
    for name in [inbox] if inbox else config.inbox:
        spool = Spool(name, config.inbox[name].folders())
        for failed, reason in list(spool.failures()):
            relative = os.fspath(failed.relative_to(spool.failed))
            if not (everything or {relative, names.printable(relative)} & left):
                continue
            left -= {relative, names.printable(relative)}
            try:
                target = spool.retry(failed, reason)
            except FileExistsError:
                kept += 1
                print(f"{names.printable(relative)}: stays; a file of its name is in the inbox", file=sys.stderr)
            else:
                print(f"{names.printable(relative)} → {names.printable(os.fspath(target))}")
    for name in sorted(left):
        print(f"ocrspool: {names.printable(name)}: no failed file of this name", file=sys.stderr)
    return Exit.NO_INPUT if left else Exit.CANT_CREATE if kept else Exit.OK
