"""How long ocrspool waits for files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long files are waited for, in seconds."""

    settle: float
    """How long a file has to be unchanged."""
    writer: float = 0.0
    """How much longer it is waited for while somebody has it open for writing without changing it."""
    incomplete: float = 0.0
    """How long a file that is empty or ends too early has to be unchanged."""
