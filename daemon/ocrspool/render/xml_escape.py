"""Text in XML and HTML: escaped, and without the characters that neither may hold."""

from __future__ import annotations

import html
import re

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def escaped(text: str) -> str:
    """Return the text for use between tags, or between double quotes; U+FFFD in place of what XML cannot hold."""
    return html.escape(allowed(text))


def allowed(text: str) -> str:
    """Return the text with U+FFFD in place of what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)
