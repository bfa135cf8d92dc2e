"""Texts that PDFium returns in UTF-16."""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Callable
from typing import Any

from pypdfium2 import raw

UTF_8 = codecs.lookup("utf-8")
UTF_16 = codecs.lookup("utf-16-le")
"""Looked up now: Python loads them from files, and a confined process opens none."""
_END = 2
"""Bytes of the zero at the end of every text."""
_MOST = 1 << 20


def utf16(ask: Callable[[Any, int], int]) -> str:
    """Return the text that `ask(buffer, size)` writes to a buffer of so many bytes; it returns how many it takes."""
    size = ask(None, 0)
    if not _END < size <= _MOST:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return UTF_16.decode(buffer.raw[: size - _END], "replace")[0]
