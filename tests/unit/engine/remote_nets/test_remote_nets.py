"""Nets that another process has: answers as of the net itself, errors by kind, several calls at once."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ocrspool.engine.remote_nets.client import RemoteNets
from ocrspool.engine.remote_nets.server import NetServer
from ocrspool.engine.spec import ShapeProfile
from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError
from ocrspool.processes.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ocrspool.engine.spec import Pixels

MOST = (4, 32, 64, 3)
SECONDS = 10


class TellingNet:
    """Says of each item what its first pixel is, in two answers of different kinds."""

    parallel = 2
    batch = 4
    profile = ShapeProfile((1, 32, 32, 3), (2, 32, 32, 3), MOST)
    warm_up = ((1, 32, 32, 3),)

    def __init__(self, before: Callable[[Pixels], None] = lambda _: None) -> None:
        self._before = before

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        self._before(batch)
        first = batch[:, 0, 0, 0]
        return first.astype(np.int32), np.stack([first / 2, first / 4], axis=1).astype(np.float32)


class LargeNet(TellingNet):
    """Answers with more than its pixels take."""

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        return (np.zeros((*batch.shape, 8), np.float64),)


class Both(ExitStack):
    """A server in this process, and its caller."""

    def __init__(self, **nets: TellingNet) -> None:
        super().__init__()
        self._server = NetServer(nets)
        self.given: list[socket.socket] = []
        """What the caller gave the server of each line: the server's end of a socket."""
        remote = RemoteNets(self._server.description(), self._open)
        self.callback(remote.close)
        self.nets = remote.by_key

    def _open(self, line: tuple[int, int]) -> None:
        self.given.append(socket.socket(fileno=socket.dup(line[0])))
        self._server.serve(Channel(self.given[-1]), line[1])


def _batch(*marks: int, width: int = 32) -> Pixels:
    return np.stack([np.full((32, width, 3), mark, np.uint8) for mark in marks])


def test_it_is_like_the_net() -> None:
    """But there is nothing to warm up: the other process has done that."""
    with Both(lines=TellingNet()) as both:
        net = both.nets["lines"]
        assert (net.parallel, net.batch, net.profile, net.warm_up) == (2, 4, TellingNet.profile, ())
        for batch in (_batch(7), _batch(1, 2, 3, 4, width=64), _batch(200)):
            for answer, wanted in zip(net(batch), TellingNet()(batch), strict=True):
                assert answer.dtype == wanted.dtype
                np.testing.assert_array_equal(answer, wanted)


def test_an_answer_stays_as_it_was() -> None:
    """The memory of a line is used again."""
    with Both(lines=TellingNet()) as both:
        before = [both.nets["lines"](_batch(number))[0] for number in range(20)]
    assert [answer.tolist() for answer in before] == [[number] for number in range(20)]


def test_calls_of_several_threads_run_at_once() -> None:
    """Each gets its own answer: the barrier opens only when four calls are in the net."""
    together = threading.Barrier(4)

    def meet(_: Pixels) -> None:
        together.wait(SECONDS)

    with Both(lines=TellingNet(meet)) as both, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda mark: both.nets["lines"](_batch(mark))[0].tolist(), range(4)))
    assert found == [[0], [1], [2], [3]]


def test_the_pixels_are_for_reading_only() -> None:
    """As those that a decoder hands over: a net that writes into them would not be like the others."""

    def write(batch: Pixels) -> None:
        batch[0, 0, 0, 0] = 1

    with Both(lines=TellingNet(write)) as both, pytest.raises(EngineError, match="read-only"):
        both.nets["lines"](_batch(1))


@pytest.mark.parametrize("kind", [DeviceMemoryError, DeviceLostError, EngineError])
def test_an_error_arrives_as_what_it_was(kind: type[EngineError]) -> None:
    """And the line goes on."""
    failing = [True]

    def fail(_: Pixels) -> None:
        if failing.pop():
            failing.append(False)
            raise kind("the device says no")

    with Both(lines=TellingNet(fail)) as both:
        with pytest.raises(kind, match="the device says no") as raised:
            both.nets["lines"](_batch(1))
        assert type(raised.value) is kind
        assert both.nets["lines"](_batch(3))[0].tolist() == [3]


def test_what_nobody_has_foreseen_is_an_error_of_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    """The other process tells its log where it happened."""

    def fail(_: Pixels) -> None:
        raise ZeroDivisionError("by nothing")

    with Both(lines=TellingNet(fail)) as both, pytest.raises(EngineError, match="ZeroDivisionError"):
        both.nets["lines"](_batch(1))
    assert "a net failed" in caplog.text


@pytest.mark.parametrize(
    ("net", "batch", "why"),
    [(TellingNet(), np.zeros((64, 32, 64, 3), np.uint8), "a batch"), (LargeNet(), _batch(1, 2, 3, 4), "an answer")],
)
def test_what_does_not_fit_is_refused(net: TellingNet, batch: Pixels, why: str) -> None:
    with Both(lines=net) as both, pytest.raises(EngineError, match=f"{why} .*does not fit into the memory of a line"):
        both.nets["lines"](batch)


def test_where_the_other_process_has_gone_this_one_is_of_no_more_use() -> None:
    with Both(lines=TellingNet()) as both:
        for given in both.given:
            given.shutdown(socket.SHUT_RDWR)
        with pytest.raises(DeviceLostError, match="has gone"):
            both.nets["lines"](_batch(1))


def test_several_nets_share_the_lines() -> None:
    """The memory of a line is enough for the largest."""
    with Both(small=TellingNet(), large=LargeNet()) as both:
        assert both.nets["small"](_batch(5))[0].tolist() == [5]
        assert set(both.nets) == {"small", "large"}
