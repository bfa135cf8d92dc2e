"""The state of an inbox in words, for the status, the page and systemd. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from ocrspool.formatting import counted
from ocrspool.observability.snapshot import InboxStatus, Queue


def line(inbox: InboxStatus) -> str:
    """Return why an inbox does not serve, or that its jobs wait for the disk; "" for one that is well."""
    if inbox.state != "serves":
        began = inbox.since
        since = "" if began is None else f" since {datetime.fromtimestamp(began, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        return f"{inbox.state}{since}: {inbox.reason}"
    if inbox.stalled:
        return f"serves; {inbox.stalled} in work wait for its disk: {inbox.reason}"
    return ""


def unclaimable(queue: Queue) -> str:
    """Return how many files of an inbox cannot be taken, and why; "" where each can be."""
    if not queue.unclaimable:
        return ""
    return f"{counted(queue.unclaimable, 'file or folder', 'files or folders')} cannot be taken: " + (
        queue.unclaimable_reason or "the log has the reason"
    )
