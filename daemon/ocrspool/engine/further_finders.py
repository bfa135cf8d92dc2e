"""The further finders of an engine: made of their nets, and proven by the known page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ocrspool.engine.cache.store import HINT
from ocrspool.engine.detection.detect import DetectSettings, Finder
from ocrspool.engine.test_pages import known_text
from ocrspool.errors import EngineMissingError
from ocrspool.pages import ReaderOrder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ocrspool.engine.ocr.recognizer import Recognizer
    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import Net, Thresholds

Known = dict[str, list[str]]
"""What is read on the known page where each finder has found the lines."""


def of(plan: Plan, nets: Mapping[str, Net]) -> dict[str, Finder]:
    """Return the finders of an engine by name; `nets` has the loaded ones by their keys."""
    return {each.name: Finder(nets[each.key], settings(plan, each.thresholds)) for each in plan.models.finders}


def settings(plan: Plan, thresholds: Thresholds) -> DetectSettings:
    """Return how the lines of a page are found with a net of these thresholds."""
    return DetectSettings(side=plan.settings.detection_side, **asdict(thresholds))


def known_by(plan: Plan, recognizer: Recognizer) -> Known:
    """Return what an engine reads on the known page with each of its further finders."""
    return {each.name: known_text(recognizer, ReaderOrder(finder=each.name)) for each in plan.models.finders}


def check(known: Mapping[str, list[str]], found: Known, folder: Path) -> None:
    """Raise EngineMissingError where a finder finds other lines than when the engine was built."""
    for name, texts in found.items():
        wanted = known.get(name, [])
        if texts != wanted:
            told = f"with the finder {name} the engine in {folder} reads the known page as {texts}, not {wanted}"
            raise EngineMissingError(told, HINT)
