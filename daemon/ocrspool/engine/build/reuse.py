"""Nets that another engine of the cache has already: copied from there instead of compiled once more.

A reader that is added, removed or renamed gives another engine, but its other nets are the same. A net is the same if
all that its compiled form depends on is the same: its model, its shapes, and every hard fact of the machine and of the
runtime. Copies and not links: an engine is whole by itself, and damage to one does no harm to another.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ocrspool.engine.build import checkpoints
from ocrspool.engine.cache import inventory
from ocrspool.engine.cache.manifests import MANIFEST
from ocrspool.engine.cache.store import measure, net_identity, nets_of
from ocrspool.engine.spec import net_folder
from ocrspool.files import file_lock

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.cache.store import Manifest
    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import NetSpec
    from ocrspool.engine.stages import OnStage

_HOLDS_ITS_PATH = "path"
"""The fact of engines that work only in the folder in which they were built."""


def copied(plan: Plan, kept: Collection[str], on_stage: OnStage) -> dict[str, float]:
    """Copy what other engines have into the engine's folder, each net with the record of a finished build.

    `kept` has the folders of the nets that are there already. Return the seconds that the builds of the copied ones
    took, by folder. A copy whose bytes are not those that the manifest of its engine states is removed: that net has
    to be built.
    """
    missing = [spec for spec in plan.models if spec.folder not in kept]
    if not missing or _HOLDS_ITS_PATH in plan.identity:
        return {}
    taken: dict[str, float] = {}
    for folder, manifest in _engines(plan):
        for spec in missing:
            if spec.folder in taken or (source := _same_net(plan, spec, manifest)) is None:
                continue
            if _copy(folder, source, manifest, plan.folder, spec.folder):
                taken[spec.folder] = manifest.seconds.get(source, 0.0)
                checkpoints.record(plan.folder, spec.folder, taken[spec.folder])
                on_stage(f"taking {spec.key}, {spec.name}, from engine {manifest.fingerprint}: it is the same net")
            else:
                on_stage(f"not taking {spec.key} from engine {manifest.fingerprint}: its files are damaged or gone")
    return taken


def _engines(plan: Plan) -> Iterator[tuple[Path, Manifest]]:
    """Yield the other engines that are whole, newest first. None of them is removed while it is looked at."""
    for card in _cards(plan):
        if card.manifest is not None and card.folder != plan.folder:
            with file_lock.held(card.folder / MANIFEST, shared=True) as mine:
                if mine and (card.folder / MANIFEST).exists():
                    yield card.folder, card.manifest


def _cards(plan: Plan) -> list[inventory.CachedEngine]:
    """Return what is in the cache; nothing where a part of it may not be read: a build is possible all the same."""
    try:
        return inventory.cards(plan.cache.cache)
    except PermissionError:
        return []


def _same_net(plan: Plan, spec: NetSpec, manifest: Manifest) -> str | None:
    """Return the folder of the same net in the engine of this manifest, None where it has none."""
    wanted = net_identity(plan.identity, spec.key)
    for key in sorted(nets_of(manifest.identity), key=lambda key: key != spec.key):  # two of them can be the same net
        if net_identity(manifest.identity, key) == wanted:
            return net_folder(spec.name, key)
    return None


def _copy(source: Path, model: str, manifest: Manifest, target: Path, name: str) -> bool:
    """Copy a model's folder. Return whether the copy is, byte by byte, what the manifest says of the source."""
    files = {file: facts for file, facts in manifest.files.items() if file.startswith(f"{model}/")}
    stated = {f"{name}/{file.removeprefix(f'{model}/')}": facts for file, facts in files.items()}
    shutil.rmtree(target / name, ignore_errors=True)
    try:
        shutil.copytree(source / model, target / name)
        sound = bool(stated) and measure(target, name) == stated
    except OSError:  # shutil.Error is one: files that went or cannot be read, and a disk without room
        sound = False
    if not sound:
        shutil.rmtree(target / name, ignore_errors=True)
    return sound
