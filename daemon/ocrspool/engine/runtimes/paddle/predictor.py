"""A predictor as a net: pixels to what the model takes, and its outputs as the Net protocol states them.

Paddle holds Python's interpreter lock while a predictor runs (seen in 2.6.2 and 3.3.1: a second thread stands still).
Clones of a predictor therefore do not run side by side, so a net has one predictor. Threads inside a call do not help
much on a CPU either. With two threads on one core, a line takes as long as with one thread, and more than twice the
processor time (measured). So there are half as many threads as the settings allow. This runtime is for GPUs; on a CPU
OpenVINO is several times faster.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ocrspool.engine.runtimes.device_errors import device_error
from ocrspool.engine.runtimes.paddle.library import inference
from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError, EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ocrspool.engine.spec import NetSpec, Pixels, Shape, ShapeProfile
    from ocrspool.engine_request import Settings

_POOL_MB = 100
"""GPU memory that Paddle takes at the start, as with PaddleX. It takes more as needed."""

FAILURES = (RuntimeError, ValueError, TypeError, LookupError, OSError, SystemError, MemoryError)
"""The exceptions that Paddle's C++ exceptions become. Its own error codes are spread over these."""

_creating = threading.Lock()
"""Nets are loaded side by side, but Paddle numbers its predictors by plain variables."""


def configured(model: Path, settings: Settings) -> Any:  # noqa: ANN401  # Paddle's Config
    """Return the configuration of a model (its weights beside it) on the device of these settings."""
    config = inference.Config(str(model), str(model.with_suffix(".pdiparams")))
    config.disable_glog_info()
    if hasattr(config, "disable_mkldnn"):
        config.disable_mkldnn()  # on by default in Paddle 3, where 3.3 fails with it at the first call
    if model.suffix == ".json":
        config.enable_new_ir(True)  # noqa: FBT003  # Paddle's signature
        config.enable_new_executor()
        config.set_optimization_level(3)  # without it there is no memory optimization to enable, and that fails
    config.enable_memory_optim()
    if settings.gpu is None:
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(max(settings.threads // 2, 1))
    else:
        config.enable_use_gpu(_POOL_MB, settings.gpu)
    return config


def created(config: Any) -> Any:  # noqa: ANN401  # Paddle's Config, and its Predictor
    """Return the predictor. Raise one of FAILURES."""
    with _creating:
        return inference.create_predictor(config)


def load(spec: NetSpec, config: Any) -> Any:  # noqa: ANN401  # Paddle's Config, and its Predictor
    """Return the predictor of an engine.

    Raise EngineMissingError where Paddle cannot read it, DeviceMemoryError or DeviceLostError where it is the device's
    fault.
    """
    try:
        return created(config)
    except FAILURES as error:
        raise unusable(spec, error) from error


def unusable(spec: NetSpec, error: BaseException) -> EngineError:
    """Return the error to raise for what Paddle said when it loaded an engine: the device's fault, or the engine's."""
    found = device_error(f"loading the engine of {spec.name}", (), str(error))
    if isinstance(found, (DeviceLostError, DeviceMemoryError)):
        return found
    return EngineMissingError(found.message, "it is damaged or was made by another Paddle: run `ocrspool prebuild`")


def unbuilt(spec: NetSpec, error: BaseException) -> EngineError:
    """Return the error to raise for what Paddle said when it built an engine: the device's fault, or the model's."""
    found = device_error(f"building the engine of {spec.files[0]}", (), str(error))
    if isinstance(found, (DeviceLostError, DeviceMemoryError)):
        return found
    return EngineError(
        found.message,
        "`ocrspool doctor` tells whether versions and devices fit; if they do, install the model again",
    )


def run(predictor: Any, pixels: NDArray[np.float32]) -> list[NDArray[Any]]:  # noqa: ANN401  # Paddle's Predictor
    """Return copies of the outputs for normalized pixels [n, 3, h, w]."""
    predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(pixels)
    predictor.run()
    return [predictor.get_output_handle(name).copy_to_cpu() for name in predictor.get_output_names()]


class PaddleNet:
    """A predictor. One call at a time uses it; the pixels of the next call are prepared meanwhile."""

    def __init__(self, spec: NetSpec, settings: Settings, predictor: Any) -> None:  # noqa: ANN401  # Paddle's Predictor
        self._spec = spec
        self._settings = settings
        self._predictor = predictor
        self._lock = threading.Lock()
        self._tables = tables(spec)

    @property
    def parallel(self) -> int:
        """On a GPU one per stream: each prepares pixels and reads results while another waits for the device.

        On a CPU one, for the reason that the module's text gives.
        """
        return 1 if self._settings.gpu is None else max(self._settings.streams, 1)

    @property
    def batch(self) -> int:
        """As the profile states."""
        return self._spec.profile.optimum[0]

    @property
    def profile(self) -> ShapeProfile:
        """As the model's NetSpec states."""
        return self._spec.profile

    @property
    def warm_up(self) -> tuple[Shape, ...]:
        """Both ends of the profile for TensorRT, which allocates for them; none otherwise, where shapes are free."""
        if self._settings.provider != "tensorrt":
            return ()
        return (self._spec.profile.minimum, self._spec.profile.maximum)

    def __call__(self, batch: Pixels) -> tuple[NDArray[Any], ...]:
        """Run one batch; see Net."""
        pixels = normalized(batch, self._tables)
        try:
            with self._lock:
                outputs = run(self._predictor, pixels)
        except FAILURES as error:
            raise device_error(self._spec.name, batch.shape, str(error)) from error
        return self._as_stated(outputs)

    def _as_stated(self, outputs: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        if self._spec.role == "detection":
            return (outputs[0][:, 0],)  # [n, 1, h, w]
        if self._spec.role == "recognition":
            return tuple(output.reshape(output.shape[:2]) for output in outputs)  # [n, steps, 1] of a program
        return tuple(outputs)


def tables(spec: NetSpec) -> tuple[NDArray[np.float32], ...]:
    """Return for each channel the normalized value of each of the 256 that a pixel can have."""
    values = np.arange(256, dtype=np.float64)
    return tuple(((values - mean) / std).astype(np.float32) for mean, std in zip(spec.mean, spec.std, strict=True))


def normalized(batch: Pixels, tables: tuple[NDArray[np.float32], ...]) -> NDArray[np.float32]:
    """Return pixels [n, h, w, 3] as normalized float32 [n, 3, h, w].

    A table for each channel does this in one pass, and each value is rounded only once.
    """
    count, height, width, channels = batch.shape
    pixels = np.empty((count, channels, height, width), np.float32)
    for item, planes in zip(batch, pixels, strict=True):
        for channel, (plane, table) in enumerate(zip(planes, tables, strict=True)):
            cv2.LUT(cv2.extractChannel(item, channel), table, dst=plane)
    return pixels
