"""How long ocrspool waits for files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long files are waited for, in seconds."""

    settle: float
    """Without a change."""
    writer: float = 0.0
    """Beyond that, while somebody has the file open for writing without changing it."""
    incomplete: float = 0.0
    """Without a change, for a file that is empty or ends too early."""
