"""A net around another net. It says of itself what that one says, so that a subclass changes only how it is called."""

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
        """As the net."""
        return self._net.parallel

    @property
    def batch(self) -> int:
        """As the net."""
        return self._net.batch

    @property
    def profile(self) -> ShapeProfile:
        """As the net."""
        return self._net.profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """As the net."""
        return self._net.warm_up

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        return self._net(batch)
