"""What a fault is: something done to the world, from beginning to end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torture import control_groups
from torture.world import World

Need = Literal["mounts", "shim", "namespaces", "root", "ext4", "xfs", "btrfs", "fuse", "memory", "pids"]


@dataclass(frozen=True)
class Fault:
    """One kind."""

    name: str
    inject: Callable[[World], None]
    """Does it and ends it; calls `world.over` where recovery begins earlier than it returns."""
    needs: frozenset[Need] = frozenset()
    may_fail: frozenset[str] = frozenset()
    """Reasons for which a document that was in work may have failed: the fault was done to it."""
    restarts: bool = False
    """Whether the service ends by it, and is started again."""
    short: bool = False
    """Whether it belongs to the short version, which has some of each family."""


def missing(world: World, fault: Fault) -> str:
    """Return what keeps a fault from being injected here; "" when nothing does."""
    if "mounts" in fault.needs and not world.mounts:
        return "needs root, to mount"
    if "shim" in fault.needs and not world.shim:
        return "needs a C compiler (cc)"
    if "namespaces" in fault.needs and shutil.which("unshare") is None:
        return "needs unshare(1)"
    for name in ("memory", "pids"):
        if name in fault.needs and (reason := control_groups.missing(name)):
            return reason
    if "fuse" in fault.needs and (reason := world.no_share()):
        return f"needs a share: {reason}"
    for kind in ("ext4", "xfs", "btrfs"):
        if kind in fault.needs and (reason := world.no_disk(kind)):
            return f"needs a disk of its own, of {kind}: {reason}"
    if "root" in fault.needs and os.geteuid() != 0:
        return "needs root"
    return ""
