"""What runtimes say when a device is out of memory or lost."""

from __future__ import annotations

import pytest

from ocrspool.engine.runtimes.device_errors import device_error
from ocrspool.errors import DeviceLostError, DeviceMemoryError, EngineError

SHAPE = (8, 48, 3200, 3)

MEMORY = [
    # ONNX Runtime: arena, CUDA provider, cuDNN and cuBLAS behind it.
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 Failed to allocate memory for requested buffer",
    "CUDA failure 2: out of memory ; GPU=0 ; hostname=box ; line=38 ; expr=cudaMalloc((void**)&p, size);",
    "CUDNN failure 2: CUDNN_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=box",
    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=box ; expr=cublasCreate(&cublas_handle_);",
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc",
    # TensorRT.
    "[defaultAllocator.cpp::allocate::19] Error Code 1: Cuda Runtime (out of memory)",
    "CUDA initialization failure with error: 2",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "cudaErrorMemoryAllocation",
    # Paddle.
    "ResourceExhaustedError: \n\nOut of memory error on GPU 0. Cannot allocate 1.5GB memory on GPU 0",
    "CUDA error(2), out of memory.",
]

LOST = [
    "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=box ; file=cuda_call.cc ; line=121",
    "(External) CUDA error(700), an illegal memory access was encountered. [Hint: 'cudaErrorIllegalAddress'.",
    "CUDA error(719), unspecified launch failure. \n  [Hint: 'cudaErrorLaunchFailure'.",
    "CUDA error 999",
    "CUDA failure 999: unknown error ; GPU=0",
    "CUDA failure 710: device-side assert triggered",
    "CUDA_ERROR_ASSERT",
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "[cudaDriverHelpers.cpp::operator()::94] Error Code 1: Cuda Driver (an illegal instruction was encountered)",
    "Error Code 1: Cuda Runtime (misaligned address)",
    "the device is lost",
    "NVRM: Xid (PCI:0000:01:00): 79, pid=812, GPU has fallen off the bus.",
    "CUDA failure 214: uncorrectable ECC error encountered",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA failure 3: initialization error ; GPU=0",
    "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; expr=cudaSetDevice(info_.device_id);",
    "CUDA failure 46: CUDA-capable device(s) is/are busy or unavailable",
    # Both: the device decides.
    "CUDA failure 700: an illegal memory access was encountered; afterwards: Failed to allocate memory",
]

NEITHER = [
    "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x index: 1 Got: 700 Expected: 3",
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
    "CUDA failure 7000: no such number",
    "TensorRT EP could not deserialize engine from cache: /var/cache/xid0/engines/719/999.engine",
    "hostname=cuda-error-box ; a node named oxidize returned status 3",
    "CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED",
]


@pytest.mark.parametrize("text", MEMORY)
def test_too_little_memory(text: str) -> None:
    assert type(device_error("rec", SHAPE, text)) is DeviceMemoryError


@pytest.mark.parametrize("text", LOST)
def test_a_lost_device(text: str) -> None:
    assert type(device_error("rec", SHAPE, text)) is DeviceLostError


@pytest.mark.parametrize("text", NEITHER)
def test_anything_else(text: str) -> None:
    assert type(device_error("rec", SHAPE, text)) is EngineError


def test_a_message_says_what_failed_on_what_and_why_in_one_line() -> None:
    error = device_error("PP-OCRv6_small_rec", SHAPE, "CUDA failure 2:\n  out of memory")
    assert error.message.startswith("PP-OCRv6_small_rec failed on shape (8, 48, 3200, 3), out of memory: ")
    assert error.message.endswith("CUDA failure 2: out of memory")
    assert error.hint


def test_a_net_that_failed_before_any_batch_has_no_shape() -> None:
    assert device_error("det", (), "nothing works").message == "det failed: nothing works"


def test_of_pages_of_stack_both_ends_are_shown() -> None:
    """The reason counts wherever it stands."""
    text = f"first words {'frame ' * 2000}Out of memory error on GPU 0 {'frame ' * 2000}last words"
    error = device_error("det", SHAPE, text)
    assert type(error) is DeviceMemoryError
    assert "first words" in error.message
    assert error.message.endswith("last words")
    assert len(error.message) < 800
