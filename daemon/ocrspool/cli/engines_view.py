"""How an engine of the cache is shown: as an identity card for people, or as JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ocrspool.engine.cache.inventory import CachedEngine, State
from ocrspool.engine.cache.store import differences
from ocrspool.engine.plan import Plan
from ocrspool.files import names

STATES: dict[State, str] = {
    "whole": "whole",
    "damaged": "damaged",
    "building": "being built now",
    "other version": "of another version of ocrspool",
    "leftover": "the leftover of an aborted build",
}

_FIRST = ("device", "gpu", "cpu", "provider", "precision", "tensorrt")
_NEVER = ("layout", "os", "arch", "cpu_flags", "runtime", "runtime_version")
"""Items of an identity that have a line of their own, or say little to a reader; `--json` has them all."""


@dataclass(frozen=True, slots=True)
class Want:
    """The engine that the configuration asks for on one device."""

    device: str
    plan: Plan | None
    problem: str
    """Why it cannot be told which engine that is, or why it is not in the cache; empty where it is there."""
    hint: str

    @property
    def fingerprint(self) -> str:
        """Its name in the cache; empty where that cannot be told."""
        return self.plan.folder.name if self.plan else ""


def as_json(card: CachedEngine, wants: list[Want]) -> dict[str, Any]:
    """Return everything that is known of a folder of the cache; null for what its manifest does not tell."""
    told = asdict(card.manifest) if card.manifest else {}
    return {
        "fingerprint": card.fingerprint,
        "wanted_for": _devices(card, wants),
        "state": card.state,
        "problem": card.problem or None,
        "in_use": card.in_use,
        "folder": os.fspath(card.folder),
        "size": card.size,
        "built_at": card.built_at or None,
        "built_by": card.built_by or None,
        **{key: told.get(key) for key in ("identity", "soft", "parity", "seconds", "files", "known_text")},
        "differs_from_wanted": _unlike(card, wants),
    }


def show(cards: list[CachedEngine], wants: list[Want], root: Path) -> None:
    """Print a card for each engine, then what is wanted and not there."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for card in cards:
        devices = _devices(card, wants)
        marks = [f"wanted for {', '.join(devices)}" if devices else "not wanted"]
        marks += [STATES[card.state]] if card.state != "whole" else []
        marks += ["in use by a running process"] if card.in_use else []
        console.print(f"{card.fingerprint}  {'; '.join(marks)}", style="bold" if devices else None)
        for name, value in _lines(card):
            console.print(f"  {name:<12} {names.printable(value)}")
        for difference in _unlike(card, wants):
            console.print(f"  {'differs in':<12} {names.printable(summary(difference))}")
        console.print()
    if not cards:
        console.print(f"there is no engine in {root}")
    for want in wants:
        if want.problem:
            console.print(f"wanted for {want.device}: {names.printable(want.problem)}", style="red")
            if want.hint:
                console.print(f"  {want.hint}")


def summary(difference: str) -> str:
    """Return a difference between two identities as a line; flags of processors are too many for one."""
    return "cpu_flags" if difference.startswith("cpu_flags: ") else difference


def megabytes(size: int) -> str:
    """Return a number of bytes as text, in decimal megabytes."""
    return f"{size / 1e6:.1f} MB"


def _devices(card: CachedEngine, wants: list[Want]) -> list[str]:
    return [want.device for want in wants if want.fingerprint == card.fingerprint]


def _unlike(card: CachedEngine, wants: list[Want]) -> list[str]:
    """Return in what an engine differs from the wanted one that is nearest to it; nothing where it is one of them."""
    if card.manifest is None:
        return []
    found = [differences(card.manifest.identity, want.plan.identity) for want in wants if want.plan]
    return min(found, key=len, default=[])


def _lines(card: CachedEngine) -> Iterator[tuple[str, str]]:
    """Yield what a card says, line by line: what everyone asks first, then whatever else makes its identity."""
    if card.manifest is not None:
        items, parity, seconds = card.manifest.identity, card.manifest.parity, card.manifest.seconds
        yield "runtime", f"{items.get('runtime', '?')} {items.get('runtime_version', '')}"
        yield from ((name, items[name]) for name in _FIRST if name in items)
        for role in ("detection", "recognition", "classifier"):
            yield role, f"{items.get(f'{role}.name', '?')}, shapes {items.get(f'{role}.shapes', '?')}"
        for key in sorted(items):
            if key.startswith(("reader.", "finder.")) and key.endswith(".name"):
                yield key.removesuffix(".name"), items[key]
        rest = items.keys() - {*_FIRST, *_NEVER}
        yield from ((name, items[name]) for name in sorted(rest) if "." not in name)
        yield "parity", _compared(parity)
        each = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        yield "build took", f"{sum(seconds.values()):.1f} s ({each})"
    if card.problem:
        yield "problem", f"its manifest is altered: {card.problem}"
    if card.built_at or card.built_by:
        yield "built", f"{card.built_at} by {card.built_by}"
    yield "size", megabytes(card.size)
    yield "folder", os.fspath(card.folder)


def _compared(parity: dict[str, Any]) -> str:
    """Return how an engine's reading compared with its reference's; see engine.parity.Parity for what is kept of it."""
    if not parity:
        return "not compared: it is the reference, or compiled ahead"
    told = {
        name: str(parity.get(name, "?")) for name in ("characters_differing", "characters", "worst_shift", "reference")
    }
    return (
        f"{told['characters_differing']} of {told['characters']} characters differ from {told['reference']}; "
        f"boxes are shifted by {told['worst_shift']} pixels at most"
    )
