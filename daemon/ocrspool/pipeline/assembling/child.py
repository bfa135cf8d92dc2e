"""The process that assembles documents: one at a time, requests over a socket, answered in order.

It gives up files, network, processes and signals before it sees anything of a document, as a decoder does. It ends with
0 when the socket closes. Where assembling fails, it says so and goes on: that is a fault of ours.
"""

from __future__ import annotations

import contextlib
import heapq  # noqa: F401 - Counter.most_common loads it, and a confined process loads nothing
import os
import resource
import socket
import sys
import traceback

from ocrspool.pipeline.assembler import draft_of
from ocrspool.pipeline.assembling.messages import draft_to_message, request_from
from ocrspool.processes import lifetime, sandbox
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.recognition.page_json import UnreadableBodyError
from ocrspool.results.formats import FORMATS

_MOST_DESCRIPTORS = 16


def main(descriptor: int) -> None:
    """Serve on this inherited socket."""
    for output in FORMATS:
        if not output.needs_pages:
            output.module()  # now, because a confined process loads nothing
    with socket.socket(fileno=descriptor) as sock, contextlib.suppress(ChannelClosedError):
        channel = Channel(sock)
        channel.receive()
        channel.send({"ready": True, "missing": _confine()})
        while True:
            channel.send(_answer(*channel.receive()))


def _confine() -> list[str]:
    """Give up all but the socket, for good. Return what this machine cannot take away from it, in words."""
    lifetime.die_with_parent()
    os.umask(0o077)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))
    return sandbox.confine(())


def _answer(request: Message, descriptors: list[int]) -> Message:
    (descriptor,) = descriptors
    try:
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)  # descriptors of one file share their place in it
            pieces = [file.read(size) for size in request["sizes"]]
        return draft_to_message(draft_of(*request_from(pieces)))
    except UnreadableBodyError as error:
        return {"unreadable": error.message}
    except Exception:  # noqa: BLE001 - the service meets the same error, or has what is missing here
        return {"failed": traceback.format_exc()}


if __name__ == "__main__":
    main(int(sys.argv[1]))
