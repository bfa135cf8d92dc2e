"""`ocrspool cluster certificates`: make them, and say where each file goes."""

from __future__ import annotations

import re
from pathlib import Path

from ocrspool.cluster.certificates import YEARS, make
from ocrspool.config.value_types import NAME
from ocrspool.errors import EngineError, Exit


def certificates(folder: Path, hosts: list[str]) -> int:
    """Make a certificate for each host. Raise EngineError for the first one that cannot be made."""
    for host in hosts:
        if not re.match(NAME, host):
            raise EngineError(f"{host!r} is no name of a host", "use letters, digits, '.', '_' and '-'")
    for host in hosts:
        files = make(folder, host)
        print(f"{host}: {', '.join(str(path) for path in files)}")
    print(
        f"Copy the three files of each host to /etc/ocrspool/cluster/ there. Its service user has to be able to read "
        f"them.\nKeep {folder / 'ca.key'} where nobody else can read it: who has it can join. They are valid for "
        f"{YEARS} years."
    )
    return Exit.OK
