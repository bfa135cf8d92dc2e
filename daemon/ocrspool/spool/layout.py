"""The folders of a spool."""

from __future__ import annotations

STATES = ("inbox", "work", "outbox", "done", "failed")
"""The five states of a file, in the order of its way; failed is the exit."""
