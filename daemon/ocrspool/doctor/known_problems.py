"""Combinations that are known not to work, or not as expected: a table with one rule in each row.

A rule names the problem before minutes of building end in the message of some library, or in wrong numbers. Every row
has its source: *measured* by this project, or the documents or issues of the makers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ocrspool.doctor import conditions
from ocrspool.doctor.findings import Level
from ocrspool.doctor.inventory import Inventory
from ocrspool.engine.runtimes.rtx_support import HINT
from ocrspool.engine_request import Runtime
from ocrspool.machine import installation

_HERE = installation.find()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. If `found` returns a text, the rule applies, and the text says what was found.

    If the configuration does not use the runtime of the rule, a problem becomes a note, and a note is left out.
    """

    name: str
    level: Level
    runtime: Runtime | None
    """The runtime that the rule is about; None for any."""
    providers: tuple[str, ...]
    """The rule matters only if the runtime computes by one of these; () if it always matters."""
    found: Callable[[Inventory], str]
    advice: str


_GPU = ("tensorrt", "cuda")

RULES: tuple[Rule, ...] = (
    Rule(
        "two onnxruntimes",  # both wheels hold the folder onnxruntime/
        "problem",
        "onnxruntime",
        (),
        conditions.two_onnxruntimes,
        f"uninstall all of them; then, for the one that is wanted, {_HERE.add('onnx')}, or with onnx-gpu",
    ),
    Rule(
        "old ONNX format",  # seen with 1.16.3; versions: onnxruntime.ai, compatibility
        "note",
        "onnxruntime",
        (),
        conditions.old_onnx_format,
        "nothing as long as `ocrspool prebuild` succeeds, which adapts the models; otherwise upgrade to 1.18 or newer",
    ),
    Rule(
        "runtime made for the CPU",  # as its files say
        "problem",
        None,
        (),
        conditions.runtime_for_the_cpu,
        f"uninstall it; then {_HERE.add('onnx-gpu')}, or with paddle-gpu; openvino runs on the CPU only",
    ),
    Rule(
        "TensorRT for RTX on another GPU",  # measured with 1.7.1 on an H100: "The engine cannot run on this GPU"
        "problem",
        "tensorrt",
        (),
        conditions.rtx_on_another_gpu,
        f"TensorRT for RTX does not run there: {_HERE.add('tensorrt-cu12')}; or {HINT}",
    ),
    Rule(
        "CUDA newer than the driver",  # NVIDIA, CUDA compatibility: within a major version any driver of it will do
        "problem",
        None,
        (),
        conditions.newer_cuda_than_driver,
        "upgrade the driver (CUDA 13 needs 580 or newer, CUDA 12 525), or install a build for an older CUDA",
    ),
    Rule(
        "GPU too old for CUDA 13",  # CUDA 13 release notes: Turing (7.5) is the oldest
        "problem",
        None,
        (),
        conditions.old_gpu_for_cuda_13,
        "install a build for CUDA 12",
    ),
    Rule(
        "CUDA libraries missing",  # measured: without libcufft both GPU providers fail to load with one line of log
        "problem",
        "onnxruntime",
        _GPU,
        conditions.cuda_libraries_missing,
        "install them (NVIDIA's wheels will do: nvidia-cudnn-cu13 and so on); ONNX Runtime itself would go on with the "
        "CPU after a line of log, which ocrspool refuses",
    ),
    Rule(
        "TensorRT missing for onnxruntime",  # DT_NEEDED of the provider's library
        "problem",
        "onnxruntime",
        ("tensorrt",),
        conditions.tensorrt_missing("onnxruntime"),
        'install the TensorRT of that major version, or set engine.provider = "cuda"',
    ),
    Rule(
        "TensorRT missing for paddle",  # dynload/dynamic_loader.cc: the name without a number
        "problem",
        "paddle",
        ("tensorrt",),
        conditions.tensorrt_missing("paddle"),
        "install TensorRT 8 and put its folder into LD_LIBRARY_PATH; the name without a number has to be there: "
        "ln -s libnvinfer.so.8 libnvinfer.so",
    ),
    Rule(
        "paddle without kernels for this GPU",
        "problem",
        "paddle",
        ("cuda",),
        conditions.no_kernels,
        "its own kernels return wrong numbers there without an error: use it by TensorRT only (engine.provider); "
        "`ocrspool prebuild` compares those engines with a reference before they are used",
    ),
    Rule(
        "paddle 3 and TensorRT on CUDA 12 or newer",  # PaddleX documents; Paddle issue 74097
        "problem",
        "paddle",
        ("tensorrt",),
        conditions.paddle_3_beyond_cuda_11,
        "Paddle 3 runs TensorRT only with CUDA 11.8 and TensorRT 8: install that build, or use "
        'engine.runtime = "onnxruntime"',
    ),
    Rule(
        "paddle 3 and TensorRT 10",  # Paddle issues 74097, 74605
        "problem",
        "paddle",
        ("tensorrt",),
        conditions.paddle_3_with_tensorrt_10,
        'it ends with "Requested TensorRT version does not match": install TensorRT 8, or use '
        'engine.runtime = "onnxruntime"',
    ),
    Rule(
        "paddle 3.3 and oneDNN",  # measured with 3.3.1; Paddle issues 77340, 79749
        "note",
        "paddle",
        ("cpu",),
        conditions.paddle_onednn,
        "nothing; 3.2.2 is the last version that is free of it",
    ),
    Rule(
        "paddle without OpenMP",  # measured with 3.3.1 on a Debian 12 that debootstrap made
        "problem",
        "paddle",
        (),
        conditions.paddle_without_openmp,
        "install it: apt-get install libgomp1",
    ),
    Rule(
        "paddle 2 and numpy 2",  # its wheels were made before numpy 2 and state no upper bound
        "problem",
        "paddle",
        (),
        conditions.paddle_2_with_numpy_2,
        _HERE.library("numpy<2"),
    ),
    Rule(
        "order of the GPUs",  # CUDA programming guide, CUDA_DEVICE_ORDER
        "note",
        None,
        (),
        conditions.uncertain_order,
        "take CUDA_DEVICE_ORDER out of the service's environment, or make it PCI_BUS_ID",
    ),
)
