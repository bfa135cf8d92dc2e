"""Include and exclude patterns for file names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate


class NamePatterns:
    """Include and exclude patterns, compiled once: a pattern without "/" is matched with the last part of the name."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = _compile(include)
        self._exclude = _compile(exclude)

    def wants(self, name: str) -> bool:
        """Tell whether a file of this name is to be read."""
        return not self.excludes(name) and _matches(self._include, name)

    def excludes(self, name: str) -> bool:
        """Tell whether a file or folder of this name is to be left alone, whatever it holds."""
        return _matches(self._exclude, name)


def _compile(patterns: Iterable[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return one expression for patterns of the last part of a name, one for those of the whole."""
    parts: list[str] = []
    wholes: list[str] = []
    for pattern in patterns:
        (wholes if "/" in pattern else parts).append(translate(pattern))
    never = r"(?!)"
    return (
        re.compile("|".join(parts) or never, re.IGNORECASE),
        re.compile("|".join(wholes) or never, re.IGNORECASE),
    )


def _matches(compiled: tuple[re.Pattern[str], re.Pattern[str]], name: str) -> bool:
    part, whole = compiled
    return part.match(name.rpartition("/")[2]) is not None or whole.match(name) is not None
