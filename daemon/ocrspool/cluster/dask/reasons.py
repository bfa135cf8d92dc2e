"""Why something of Dask failed: Dask wraps the reason in the steps that failed."""

from __future__ import annotations


def innermost(error: BaseException) -> BaseException:
    """Return the reason itself."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def in_words(error: BaseException) -> str:
    """Return the reason in a line."""
    inner = innermost(error)
    return " ".join(str(inner).split())[:300] or type(inner).__name__
