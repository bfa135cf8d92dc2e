"""What is compiled without the GPU that it is for: made at an installation, on any machine, and carried there.

It is an engine of the cache like every other, of an identity that names no GPU; so it is exported and imported, listed
and removed as they are. It is never served: nobody has seen it read. On a machine with the GPU a build begins with it,
if it is there.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine.stages import OnStage


def sound(plan: Plan) -> bool:
    """Tell whether what is compiled ahead is in the cache, whole."""
    try:
        plan.cache.verify(plan.ahead, plan.cache.find(plan.ahead))
    except EngineMissingError:
        return False
    return True


def copied(plan: Plan, specs: list[NetSpec], on_stage: OnStage) -> None:
    """Put what is compiled ahead into the folders of these models, from which a build goes on."""
    if not plan.ahead or plan.only_ahead or not sound(plan):
        return
    source = plan.cache.folder(plan.ahead)
    for spec in specs:
        for path in _files(source / spec.folder):
            shutil.copyfile(path, plan.folder / spec.folder / path.name)
    on_stage(f"taking what was compiled ahead from engine {source.name}")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())
