"""Frames and descriptors over a socket whose other end may say anything."""

from __future__ import annotations

import json
import math
import os
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocrspool.processes.channel import Channel, ChannelClosedError

SOON = 0.05
"""Long enough to see that nothing comes, short enough to wait for."""


def frame(body: bytes, descriptors: int = 0) -> bytes:
    """Return a frame as the channel sends it."""
    return struct.pack("!IBI", len(body), descriptors, 0) + body


def open_descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket at its other end; whatever a test does, no descriptor is left over."""
    before = open_descriptors()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs
    assert open_descriptors() == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary().map(os.fsdecode),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=3))
def test_what_is_sent_is_received(messages: list[dict[str, Any]]) -> None:
    """Messages arrive whole, in order and exactly, names that are not UTF-8 among them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for message in messages:
            Channel(ours).send(message)
        assert [Channel(theirs).receive(10)[0] for _ in messages] == messages


def test_a_message_larger_than_any_buffer() -> None:
    """What does not fit into the socket at once arrives all the same."""
    ours, theirs = socket.socketpair()
    message = {"text": "x" * (8 << 20)}
    with ours, theirs:
        sender = threading.Thread(target=Channel(ours).send, args=(message,))
        sender.start()
        assert Channel(theirs).receive(60) == (message, [])
        sender.join()


@pytest.mark.parametrize("count", [1, 2, 64])
def test_descriptors_arrive_with_their_message(pair: tuple[Channel, socket.socket], tmp_path: Path, count: int) -> None:
    """Up to 64 open files travel along, in order, each with the message it was sent with."""
    channel, theirs = pair
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_bytes(path.name.encode())
    opened = [os.open(path, os.O_RDONLY) for path in paths]
    sender = Channel(theirs)
    sender.send({"number": 1})
    sender.send({"number": 2}, tuple(opened))
    sender.send({"number": 3})
    for descriptor in opened:
        os.close(descriptor)
    assert channel.receive(10) == ({"number": 1}, [])
    message, received = channel.receive(10)
    assert message == {"number": 2}
    assert [os.pread(descriptor, 9, 0).decode() for descriptor in received] == [path.name for path in paths]
    assert not any(os.get_inheritable(descriptor) for descriptor in received)
    for descriptor in received:
        os.close(descriptor)
    assert channel.receive(10) == ({"number": 3}, [])


def test_more_descriptors_than_announced(pair: tuple[Channel, socket.socket]) -> None:
    """Descriptors that nobody asked for are refused, and closed."""
    channel, theirs = pair
    socket.send_fds(theirs, [frame(b"{}")], [0, 1, 2])
    with pytest.raises(ChannelClosedError, match="3 of 0 descriptors"):
        channel.receive(10)


def test_more_descriptors_than_taken(pair: tuple[Channel, socket.socket]) -> None:
    """A flood of descriptors is refused, and closed."""
    channel, theirs = pair
    socket.send_fds(theirs, [frame(b"{}", 200)], [0] * 200)
    with pytest.raises(ChannelClosedError, match="of 200 descriptors"):
        channel.receive(10)


def test_descriptors_that_we_have_no_room_for(pair: tuple[Channel, socket.socket]) -> None:
    """That is not the other side's fault, and said so."""
    channel, theirs = pair
    Channel(theirs).send({}, (0, 1, 2))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))  # poll(2) needs more than none
    try:
        with pytest.raises(OSError, match="no room for them here"):
            channel.receive(10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_descriptors_of_a_broken_message(pair: tuple[Channel, socket.socket]) -> None:
    """Descriptors that came with nonsense, or with a message that never ends, are closed."""
    channel, theirs = pair
    socket.send_fds(theirs, [frame(b"{", 1)[:9]], [0])
    theirs.sendall(b"{")
    with pytest.raises(ChannelClosedError):
        channel.receive(10)
    socket.send_fds(theirs, [frame(b"{}", 1)[:5]], [0])
    with pytest.raises(TimeoutError):
        channel.receive(SOON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"3",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"{'a': 1}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 9999,
    ],
)
def test_a_frame_that_is_no_message(pair: tuple[Channel, socket.socket], body: bytes) -> None:
    """What is no JSON object, or one without end, is the end of the channel and of nothing else."""
    channel, theirs = pair
    sender = threading.Thread(target=theirs.sendall, args=(frame(body),))
    sender.start()
    with pytest.raises(ChannelClosedError):
        channel.receive(10)
    sender.join()


def test_a_frame_too_large(pair: tuple[Channel, socket.socket]) -> None:
    """A length beyond all reason is refused before any memory is taken for it."""
    channel, theirs = pair
    theirs.sendall(struct.pack("!IBI", 0xFFFF_FFFF, 0, 0))
    with pytest.raises(ChannelClosedError, match="4294967295 bytes"):
        channel.receive(10)


@pytest.mark.parametrize("sent", range(len(frame(b'{"a":1}'))))
def test_closed_within_a_frame(pair: tuple[Channel, socket.socket], sent: int) -> None:
    """The other side may die after any byte."""
    channel, theirs = pair
    theirs.sendall(frame(b'{"a":1}')[:sent])
    theirs.close()
    with pytest.raises(ChannelClosedError):
        channel.receive(10)


@pytest.mark.parametrize("sent", [0, 1, 5, 8])
def test_silence_within_a_frame(pair: tuple[Channel, socket.socket], sent: int) -> None:
    """The other side may hang after any byte."""
    channel, theirs = pair
    theirs.sendall(frame(b'{"a":1}')[:sent])
    with pytest.raises(TimeoutError):
        channel.receive(SOON)


def test_a_deadline_is_for_the_whole_frame(pair: tuple[Channel, socket.socket]) -> None:
    """Dripping one byte at a time does not win more time."""
    channel, theirs = pair
    done = threading.Event()

    def drip() -> None:
        for byte in frame(b" " * 100_000):
            theirs.sendall(bytes([byte]))
            if done.wait(SOON / 10):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(TimeoutError):
        channel.receive(2 * SOON)
    done.set()
    dripping.join()


def test_a_time_that_is_over(pair: tuple[Channel, socket.socket]) -> None:
    """No time left is a timeout, not a wait."""
    channel, _ = pair
    with pytest.raises(TimeoutError):
        channel.receive(-1)


def test_sending_to_nobody(pair: tuple[Channel, socket.socket]) -> None:
    """A message for a process that has gone is no surprise of another kind; nor are two of them."""
    channel, theirs = pair
    theirs.close()
    for _ in range(2):
        with pytest.raises(ChannelClosedError):
            channel.send({"op": "ping"})
    with pytest.raises(ChannelClosedError):
        channel.receive(10)


def test_a_closed_channel(pair: tuple[Channel, socket.socket]) -> None:
    """Closing one end is seen at both."""
    channel, theirs = pair
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosedError):
        channel.send({})
    with pytest.raises(ChannelClosedError):
        Channel(theirs).receive(10)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(frame) | JSON.map(lambda v: frame(json.dumps(v).encode())))
@example(frame(json.dumps({"a": math.inf}).encode()))
@example(frame(b'{"a": "\\ud800"}'))
def test_any_bytes(data: bytes) -> None:
    """Whatever the other side says and then falls silent: a message, or one of two errors, and no descriptor lost."""
    before = open_descriptors()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            while True:
                message, descriptors = Channel(ours).receive(10)
                assert isinstance(message, dict)
                assert descriptors == []
        except ChannelClosedError:
            pass
    assert open_descriptors() == before


@pytest.mark.parametrize("body", [b"\xff{}", b"x" * 3_000_000], ids=len)
def test_bytes_travel_beside_a_message_as_they_are(pair: tuple[Channel, socket.socket], body: bytes) -> None:
    channel, theirs = pair
    sending = threading.Thread(target=Channel(theirs).send, args=({"a": 1, "body": body},))
    sending.start()
    assert channel.receive(10) == ({"a": 1, "body": body}, [])
    sending.join()


def test_bytes_beside_a_message_count_for_its_size() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send({"body": b"x" * 100})
        with pytest.raises(ChannelClosedError, match="a frame of 102 bytes"):
            Channel(ours, most_bytes=101).receive(10)
