"""The state of an inbox in words, for the status, the page and systemd. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any


def line(inbox: Mapping[str, Any]) -> str:
    """Return how an inbox is that does not serve, or that has jobs waiting for its disk; "" for one that is well.

    It is what a service publishes of it: `state` (serves, waits, hangs), `reason`, `since`, `stalled`.
    """
    if inbox["state"] != "serves":
        began = inbox["since"]
        since = "" if began is None else f" since {datetime.fromtimestamp(began, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        return f"{inbox['state']}{since}: {inbox['reason']}"
    if inbox["stalled"]:
        return f"serves; {inbox['stalled']} in work wait for its disk: {inbox['reason']}"
    return ""
