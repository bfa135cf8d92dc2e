"""Calls that CUDA refuses while another thread captures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocrspool.engine.runtimes.onnxruntime import capture_refusals

REFUSED = "CUDA failure 900: operation not permitted when stream is capturing ; GPU=0 ; expr=cudaDeviceSynchronize();"


def refused(times: int, message: str = REFUSED) -> Callable[[], str]:
    """Return a call that is refused so many times."""
    left = [message] * times

    def call() -> str:
        if left:
            raise RuntimeError(left.pop())
        return "done"

    return call


SPOILED = "CUDA failure 901: operation failed due to a previous error during capture ; GPU=0 ;"


@pytest.mark.parametrize("message", [REFUSED, SPOILED])
def test_a_call_that_is_refused_for_a_capture_is_made_again(message: str) -> None:
    """Or one that captured, and was spoiled by another's call."""
    assert capture_refusals.again(refused(3, message), (RuntimeError,)) == "done"


def test_another_failure_is_not_tried_again() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        capture_refusals.again(refused(1, "out of memory"), (RuntimeError,))


def test_a_capture_without_an_end_is_a_failure() -> None:
    with pytest.raises(RuntimeError, match="stream is capturing"):
        capture_refusals.again(refused(10), (RuntimeError,), seconds=0.0)
