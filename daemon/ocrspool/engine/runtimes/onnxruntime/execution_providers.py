"""What ONNX Runtime is told of a device: providers and their options, as plain values. Imports no runtime.

Options whose names an ONNX Runtime does not know make it refuse the whole provider, so what is new is only said to new
ones. Sources: the option structures in `tensorrt_provider_options.h`, `tensorrt_execution_provider.cc` and the pages on
both providers in its documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocrspool.engine.spec import NetSpec, Shape
    from ocrspool.engine_request import Settings

Options = dict[str, str]
Version = tuple[int, int]

INPUT = "pixels"
"""The name of the one input of every edited model; a profile of TensorRT calls it by name."""

NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
"""Our word for a provider, and ONNX Runtime's."""

_MODERN: Version = (1, 20)


def modern(version: Version) -> bool:
    """Whether this ONNX Runtime comes with TensorRT 10, knows context models, and takes uint8 into TensorRT.

    Context models came with 1.17 and changed in 1.18; the wheels have TensorRT 10 since 1.19; 1.20 is the oldest that
    our extra `onnx-gpu` allows. Older ones (1.16 with CUDA 11.8 and TensorRT 8.5) get the plain way of 2022.
    """
    return version >= _MODERN


def context_path(spec: NetSpec, folder: Path) -> Path:
    """Return the context model's place: a model of one node that names the engine file beside it."""
    return folder / f"{spec.name}_ctx.onnx"


def to_build(spec: NetSpec, folder: Path, settings: Settings, version: Version) -> list[tuple[str, Options]]:
    """Return the providers, best first, with which a session builds what `to_load` finds. The CPU is never named."""
    return _providers(settings, _building(spec, folder, settings, version))


def has_graphs(version: Version) -> bool:
    """Whether this ONNX Runtime can be told of one call not to capture a graph: since 1.18, and the wheels say so."""
    return version >= _MODERN


def to_capture(settings: Settings) -> list[tuple[str, Options]]:
    """Return the providers for a session of one shape that becomes a CUDA graph."""
    ((name, options),) = _providers(settings, {})
    return [(name, {**options, "enable_cuda_graph": "1"})]


def to_load(spec: NetSpec, folder: Path, settings: Settings, version: Version) -> list[tuple[str, Options]]:
    """Return the providers for loading. A context model needs no word on the engine: it is all in there."""
    return _providers(settings, {} if modern(version) else _building(spec, folder, settings, version))


def _providers(settings: Settings, tensorrt: Options) -> list[tuple[str, Options]]:
    if settings.gpu is None:
        return [(NAMES["cpu"], {})]
    device = {"device_id": str(settings.gpu)}
    cuda = {
        **device,
        # Varied shapes make an arena that doubles grow without end (ONNX Runtime issues 9509, 13504, 14474).
        "arena_extend_strategy": "kSameAsRequested",
        # Each session has one shape (runtimes/fixed_shapes.py), so the search is made once. On an H200 it took 5.2 s
        # for seven sessions, HEURISTIC 9.4 s for kernels no faster, and DEFAULT 1 s for some that are 10 to 25 times
        # slower. In f16 all sessions take 50 s, and 48 s with HEURISTIC.
        "cudnn_conv_algo_search": "EXHAUSTIVE",
    }
    if settings.provider == "cuda":
        return [(NAMES["cuda"], cuda)]
    return [(NAMES["tensorrt"], {**device, **tensorrt}), (NAMES["cuda"], cuda)]


def _building(spec: NetSpec, folder: Path, settings: Settings, version: Version) -> Options:
    """Return what TensorRT's provider is told of one engine.

    With a profile it builds when the session is created, and later calls never build: shapes outside are refused.
    """
    f16 = settings.precision == "f16"
    options = {
        "trt_fp16_enable": str(f16),
        # Squares within a layer normalization pass what f16 holds (65,504).
        "trt_layer_norm_fp32_fallback": str(f16),
        "trt_max_workspace_size": str(settings.workspace_mb << 20),
        "trt_engine_cache_enable": "True",
        "trt_timing_cache_enable": "True",
        "trt_profile_min_shapes": _shape(spec.profile.minimum),
        "trt_profile_opt_shapes": _shape(spec.profile.optimum),
        "trt_profile_max_shapes": _shape(spec.profile.maximum),
    }
    if not modern(version):
        return {**options, "trt_engine_cache_path": str(folder)}  # for the timing cache too
    return {
        **options,
        # The engine lies beside the context model, and its path must be relative to that: none is right, then.
        "trt_dump_ep_context_model": "True",
        "trt_ep_context_file_path": str(context_path(spec, folder)),
        "trt_ep_context_embed_mode": "0",
        "trt_engine_cache_prefix": spec.name,
        "trt_timing_cache_path": str(folder),
    }


def _shape(shape: Shape) -> str:
    return f"{INPUT}:{'x'.join(map(str, shape))}"
