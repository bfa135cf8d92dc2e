"""What is fuzzed, and how its inputs are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from fuzzing import mutations


@dataclass(frozen=True, slots=True)
class Target:
    """One function under test."""

    name: str
    run: Callable[[bytes], None]
    """Raises if something is wrong."""
    seeds: Callable[[], Sequence[bytes]]
    """Inputs to begin with: sound ones, and those that were once a finding."""
    is_json: bool = False
    """Whether inputs are JSON, so that values are changed rather than bytes."""

    def mutated(self, data: bytes, random: Random) -> bytes:
        """Return another input that is like this one."""
        change = mutations.json_changed if self.is_json and random.random() < mutations.AS_JSON else mutations.changed
        for _ in range(random.choice((1, 1, 2, 5))):
            data = change(data, random)
        return data
