"""Why something of Dask failed: Dask wraps the reason in the steps that failed."""

from __future__ import annotations

import asyncio


def innermost(error: BaseException) -> BaseException:
    """Return the reason itself."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def in_words(error: BaseException) -> str:
    """Return the reason in a line."""
    inner = innermost(error)
    if isinstance(inner, (TimeoutError, asyncio.TimeoutError)) and not str(inner):  # two types up to Python 3.10
        return "no answer in time"
    told = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(told.split())[:300] or type(inner).__name__
