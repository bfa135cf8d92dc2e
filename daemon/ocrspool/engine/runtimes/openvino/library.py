"""OpenVINO itself, imported without its model converter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_converter() -> Iterator[None]:
    """Keep `import openvino` from importing its model converter.

    The converter sends a usage event over the network, writes to ~/intel and takes a third of the import time. The
    package itself treats it as optional, so a module that cannot be imported is all it takes.
    """
    name = "openvino.tools.ovc"
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]


with _without_converter():
    import openvino
    from openvino import opset13 as operations
    from openvino.preprocess import PrePostProcessor

__all__ = ["PrePostProcessor", "openvino", "operations"]
