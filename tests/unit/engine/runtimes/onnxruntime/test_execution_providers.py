"""What ONNX Runtime is told of a device. The options are data; whether TensorRT obeys takes a GPU to see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.engine.runtimes.onnxruntime import execution_providers
from ocrspool.engine.spec import NetSpec, ShapeProfile
from ocrspool.engine_request import Settings

PROFILE = ShapeProfile((1, 48, 32, 3), (32, 48, 320, 3), (32, 48, 1600, 3))
SPEC = NetSpec("recognition", "rec", (Path("rec.onnx"),), (0, 0, 0), (1, 1, 1), PROFILE)
FOLDER = Path("/engines/0123/rec")
F16 = Settings("gpu:1", "tensorrt", "f16", 4, 4, batch_lines=32, line_width=1600, workspace_mb=512)
F32 = replace(F16, precision="f32")
CUDA = replace(F16, provider="cuda", precision="f32")
OLD, NEW = (1, 16), (1, 31)

# Every name that ONNX Runtime 1.16.3 knows among those we use; a further one would make it refuse the provider.
KNOWN_TO_OLD = {
    "device_id",
    "trt_engine_cache_enable",
    "trt_engine_cache_path",
    "trt_fp16_enable",
    "trt_layer_norm_fp32_fallback",
    "trt_max_workspace_size",
    "trt_profile_max_shapes",
    "trt_profile_min_shapes",
    "trt_profile_opt_shapes",
    "trt_timing_cache_enable",
}


def test_the_cpu_needs_no_option() -> None:
    settings = Settings("cpu", "cpu", "f32", 2, 2, batch_lines=1, line_width=3200)
    assert execution_providers.to_build(SPEC, FOLDER, settings, NEW) == [("CPUExecutionProvider", {})]
    assert execution_providers.to_load(SPEC, FOLDER, settings, NEW) == [("CPUExecutionProvider", {})]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_cuda_has_a_bounded_arena_and_asks_for_its_device(version: tuple[int, int]) -> None:
    ((name, options),) = execution_providers.to_load(SPEC, FOLDER, CUDA, version)
    assert name == "CUDAExecutionProvider"
    assert options == {
        "device_id": "1",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "EXHAUSTIVE",
    }


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("settings", [F16, F32], ids=["f16", "f32"])
def test_a_build_states_precision_memory_and_profile(settings: Settings, version: tuple[int, int]) -> None:
    (name, options), (second, _) = execution_providers.to_build(SPEC, FOLDER, settings, version)
    assert (name, second) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    expected = {
        "device_id": "1",
        "trt_fp16_enable": str(settings is F16),
        "trt_layer_norm_fp32_fallback": str(settings is F16),
        "trt_max_workspace_size": str(512 * 1024 * 1024),
        "trt_engine_cache_enable": "True",
        "trt_timing_cache_enable": "True",
        "trt_profile_min_shapes": "pixels:1x48x32x3",
        "trt_profile_opt_shapes": "pixels:32x48x320x3",
        "trt_profile_max_shapes": "pixels:32x48x1600x3",
    }
    assert expected.items() <= options.items()


def test_an_old_one_keeps_its_engine_in_the_folder_and_hears_of_nothing_new() -> None:
    building = execution_providers.to_build(SPEC, FOLDER, F16, OLD)
    assert building[0][1].keys() == KNOWN_TO_OLD
    assert building[0][1]["trt_engine_cache_path"] == "/engines/0123/rec"
    assert execution_providers.to_load(SPEC, FOLDER, F16, OLD) == building, "a difference would be another engine to it"


def test_a_new_one_leaves_a_context_model_that_refers_to_the_engine_beside_it() -> None:
    options = execution_providers.to_build(SPEC, FOLDER, F16, NEW)[0][1]
    assert options["trt_dump_ep_context_model"] == "True"
    assert options["trt_ep_context_embed_mode"] == "0"
    assert options["trt_ep_context_file_path"] == "/engines/0123/rec/rec_ctx.onnx"
    assert options["trt_timing_cache_path"] == "/engines/0123/rec"
    assert options["trt_engine_cache_prefix"] == "rec"
    assert "trt_engine_cache_path" not in options, "it may not be absolute here"


def test_a_new_one_is_told_nothing_it_could_build_from_when_loading() -> None:
    assert execution_providers.to_load(SPEC, FOLDER, F16, NEW)[0] == ("TensorrtExecutionProvider", {"device_id": "1"})


@pytest.mark.parametrize("settings", [F16, CUDA])
@pytest.mark.parametrize("version", [OLD, NEW])
def test_on_a_gpu_the_cpu_is_never_offered(settings: Settings, version: tuple[int, int]) -> None:
    for providers in (
        execution_providers.to_build(SPEC, FOLDER, settings, version),
        execution_providers.to_load(SPEC, FOLDER, settings, version),
    ):
        assert "CPUExecutionProvider" not in dict(providers)
