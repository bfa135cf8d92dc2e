"""The folders of a spool."""

from __future__ import annotations

STATES = ("inbox", "work", "outbox", "done", "failed")
"""The five states of a file, in the order in which a file passes them. A file that cannot be read ends in failed."""
