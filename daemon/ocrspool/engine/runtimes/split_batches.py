"""A net that runs a batch in halves when the device has too little memory for the whole batch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from ocrspool.engine.runtimes.wrapped_net import WrappedNet
from ocrspool.errors import DeviceMemoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels

_log = logging.getLogger(__name__)


class HalvingNet(WrappedNet):
    """Remembers which size of a batch was too much. Callers go on filling whole batches."""

    def __init__(self, net: Net) -> None:
        super().__init__(net)
        self._most = 0
        """Items at a time; 0 = no bound is known."""

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run a batch; see Net. Raise DeviceMemoryError when even a single item does not fit."""
        most = self._most or len(batch)
        if len(batch) > most:
            return _joined([self(batch[start : start + most]) for start in range(0, len(batch), most)])
        try:
            return self._net(batch)
        except DeviceMemoryError as error:
            if len(batch) == 1:
                raise
            self._most = -(-len(batch) // 2)
            _log.warning("%s; going on with %d at a time", error, self._most)
            return self(batch)


def _joined(parts: list[tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
    return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
