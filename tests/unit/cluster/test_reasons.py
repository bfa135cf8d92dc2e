"""Why something of Dask failed, in words that people read."""

import asyncio

import pytest

from ocrspool.cluster.dask.reasons import in_words


def wrapped(error: Exception) -> Exception:
    outer = OSError("a step of Dask failed")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (asyncio.TimeoutError(), "no answer in time"),
        (TimeoutError("no handshake"), "no handshake"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (ValueError("two\nlines"), "two lines"),
    ],
)
def test_the_innermost_reason_is_told(error: Exception, words: str) -> None:
    assert in_words(wrapped(error)) == words
