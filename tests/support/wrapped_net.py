"""A net around another net: it says what that one says of itself, so that a test changes only how it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ocrspool.engine.spec import Net, Pixels, Shape, ShapeProfile


class WrappedNet:
    """Passes each batch on as it is; subclasses change that."""

    def __init__(self, net: Net) -> None:
        self._net = net

    @property
    def parallel(self) -> int:
        return self._net.parallel

    @property
    def batch(self) -> int:
        return self._net.batch

    @property
    def profile(self) -> ShapeProfile:
        return self._net.profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        return self._net.warm_up

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        return self._net(batch)
