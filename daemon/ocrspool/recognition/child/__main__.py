"""Run the worker process: its argument is the number of the channel's descriptor."""

from __future__ import annotations

import os
import socket
import sys

from ocrspool.processes import lifetime
from ocrspool.processes.channel import Channel
from ocrspool.recognition.child.engines import RealEngines
from ocrspool.recognition.child.worker import Worker


def main() -> None:
    """Answer the service until it goes away."""
    lifetime.die_with_parent()
    # Engines and kernels are machine code, run by whoever loads them. The service's umask is made for results, which
    # the group of those who drop files may have.
    os.umask(0o077)
    Worker(Channel(socket.socket(fileno=int(sys.argv[1]))), RealEngines()).serve()


if __name__ == "__main__":
    main()
