"""Stand-ins for TensorRT, TensorRT for RTX and the CUDA driver: no machine of ours has a GPU.

The stand-in for TensorRT has the functions that we call, with TensorRT's rules about them as its documentation states
them, and computes with ONNX Runtime on the CPU, so that a page is really read. "The device" is the host's memory. Only
our code is tested with it. Whether TensorRT does as its documentation says was seen on an H100 only (docs/gpu.md).
"""

from __future__ import annotations

from pathlib import Path

from support.nvidia_stubs import compiled

_CUDA = """
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
struct node { int kind; void *to; const void *from; size_t size; void (*run)(void *); void *argument; };
struct graph { int count; struct node nodes[64]; };
static __thread struct graph *recorded;
int standin_memory = %(memory)d, standin_launched;
static int failing;
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &failing; return 0; }
int cuCtxSetCurrent(void *context) { return context == &failing ? 0 : 201; }
int cuMemAlloc_v2(unsigned long long *address, size_t size) {
    if (size > (size_t)standin_memory << 20) return 2;
    *address = (unsigned long long)calloc(1, size);
    return 0;
}
int cuMemFree_v2(unsigned long long address) { free((void *)address); return 0; }
int cuMemHostAlloc(void **address, size_t size, unsigned flags) { *address = calloc(1, size); return 0; }
int cuMemFreeHost(void *address) { free(address); return 0; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = malloc(1); return 0; }
int cuEventCreate(void **event, unsigned flags) { *event = malloc(1); return 0; }
int cuEventRecord(void *event, void *stream) { return failing; }
int cuEventSynchronize(void *event) { return failing; }
void standin_do(void (*run)(void *), void *argument) {
    if (!recorded) { run(argument); return; }
    recorded->nodes[recorded->count++] = (struct node){ 1, 0, 0, 0, run, argument };
}
static int copy(void *to, const void *from, size_t size) {
    if (recorded) recorded->nodes[recorded->count++] = (struct node){ 0, to, from, size, 0, 0 };
    else memcpy(to, from, size);
    return 0;
}
int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t size, void *stream) {
    return copy((void *)to, from, size);
}
int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t size, void *stream) {
    return copy(to, (void *)from, size);
}
int cuStreamBeginCapture_v2(void *stream, int mode) { recorded = calloc(1, sizeof *recorded); return 0; }
int cuStreamEndCapture(void *stream, void **graph) { *graph = recorded; recorded = 0; return 0; }
int cuGraphInstantiateWithFlags(void **ready, void *graph, unsigned long long flags) {
    *ready = malloc(sizeof(struct graph));
    memcpy(*ready, graph, sizeof(struct graph));
    return 0;
}
int cuGraphDestroy(void *graph) { free(graph); return 0; }
int cuGraphLaunch(struct graph *ready, void *stream) {
    standin_launched++;
    for (int at = 0; at < ready->count; at++) {
        struct node *node = &ready->nodes[at];
        if (node->kind) node->run(node->argument);
        else memcpy(node->to, node->from, node->size);
    }
    return failing;
}
int cuGetErrorName(int code, const char **name) {
    *name = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : code == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_UNKNOWN";
    return 0;
}
void standin_fail(int code) { failing = code; }
"""

_TENSORRT = '''
"""Made by tests/tensorrt_stubs.py."""
import ctypes, enum, hashlib, json, os
import numpy as np
import onnxruntime

__version__ = "{version}"
RTX = {rtx}
OLD = not RTX and int(__version__.split(".")[0]) < 10
CAPABILITY = os.environ.get("STANDIN_CAPABILITY", "9.0")
onnxruntime.set_default_logger_severity(3)
_cuda = ctypes.CDLL("libcuda.so.1")
_WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
DataType = enum.Enum("DataType", "FLOAT HALF INT32 UINT8")
float32, float16 = DataType.FLOAT, DataType.HALF
TensorIOMode = enum.Enum("TensorIOMode", "INPUT OUTPUT")
TacticSource = enum.IntEnum("TacticSource", {{"CUBLAS": 0, "CUBLAS_LT": 1, "CUDNN": 2}})
MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
LayerType = enum.Enum("LayerType", "ELEMENTWISE REDUCE CONVOLUTION DECONVOLUTION MATRIX_MULTIPLY")
CudaGraphStrategy = enum.Enum("CudaGraphStrategy", "WHOLE_GRAPH_CAPTURE")
DynamicShapesKernelSpecializationStrategy = enum.Enum("Strategy", "EAGER")
ExecutionContextAllocationStrategy = enum.Enum("Allocation", "STATIC USER_MANAGED")
if OLD:
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {{"EXPLICIT_BATCH": 0}})
    BuilderFlag = enum.Enum("BuilderFlag", "FP16 PREFER_PRECISION_CONSTRAINTS")
else:
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {{"STRONGLY_TYPED": 1}})
    class IProgressMonitor:
        pass

class ILogger:
    Severity = enum.Enum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE")
    def __init__(self):
        self.made = True

class Layer:
    def __init__(self, type):
        self.type = type

class Network:
    """Has one layer, which multiplies matrices, where STANDIN_PRODUCTS is set."""
    num_layers = int(os.environ.get("STANDIN_PRODUCTS", "0"))
    model = b""
    def get_layer(self, index):
        return Layer(LayerType.MATRIX_MULTIPLY)

class Profile:
    def set_shape(self, name, minimum, optimum, maximum):
        assert name == "pixels"
        self.ends = minimum, maximum

class Timings:
    def __init__(self, known):
        self.known = bytes(known)
    def serialize(self):
        return self.known or b"timings of " + CAPABILITY.encode()

class Config:
    half = False
    def set_memory_pool_limit(self, kind, size):
        assert size >= 64 << 20
    def add_optimization_profile(self, profile):
        self.ends = profile.ends
    def set_flag(self, flag):
        assert OLD, "strongly typed networks take no flags of precision"
        self.half = True
    def set_tactic_sources(self, sources):
        assert OLD
        assert sources == (3 if Network.num_layers else 0)
    def create_timing_cache(self, known):
        return Timings(known)
    def set_timing_cache(self, timings, ignore_mismatch):
        self.timings = timings
        return timings.known in (b"", b"timings of " + CAPABILITY.encode())
    def get_timing_cache(self):
        return self.timings

class Builder:
    def __init__(self, log):
        assert log.made
        self.log = log
    def create_network(self, flags):
        assert flags == (1 if OLD else 2)
        return Network()
    def create_builder_config(self):
        return Config()
    def create_optimization_profile(self):
        return Profile()
    def build_serialized_network(self, network, config):
        if os.environ.get("STANDIN_REFUSES"):
            self.log.log(ILogger.Severity.ERROR, "Could not find any implementation for node Conv_3")
            return None
        head = {{"version": __version__, "rtx": RTX, "ends": config.ends, "capability": CAPABILITY}}
        return json.dumps(head).encode() + b"\\0" + network.model

class OnnxParser:
    num_errors = 0
    def __init__(self, network, log):
        self.network = network
    def parse(self, model):
        self.network.model = model
        return True

class Runtime:
    def __init__(self, log):
        self.log = log
    def deserialize_cuda_engine(self, data):
        try:
            head, model = data.split(b"\\0", 1)
            head = json.loads(head)
            if head["version"] != __version__:
                raise ValueError("version mismatch: made by " + head["version"])
            if not RTX and head["capability"] != CAPABILITY:
                raise ValueError("made for compute capability " + head["capability"])
            return Engine(self.log, head, model)
        except Exception as error:
            self.log.log(ILogger.Severity.ERROR, "deserialization failed: %s" % error)
            return None

class RuntimeCache:
    """Grows with each shape that is new to it."""
    def __init__(self):
        self.shapes = set()
    def serialize(self):
        return json.dumps([CAPABILITY, sorted(self.shapes)]).encode()
    def deserialize(self, blob):
        try:
            capability, shapes = json.loads(bytes(blob))
        except ValueError:
            return False
        if capability != CAPABILITY:
            return False
        self.shapes = {{tuple(shape) for shape in shapes}}
        return True

class RuntimeConfig:
    cache = None
    def create_runtime_cache(self):
        return RuntimeCache()
    def set_runtime_cache(self, cache):
        self.cache = cache
        return True

class Engine:
    device_memory_size = device_memory_size_v2 = 1024
    def __init__(self, log, head, model):
        self.log, self.ends = log, head["ends"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.names = [value.name for value in (*self.session.get_inputs(), *self.session.get_outputs())]
        types = [value.type for value in (*self.session.get_inputs(), *self.session.get_outputs())]
        kinds = {{"tensor(float)": "FLOAT", "tensor(uint8)": "UINT8", "tensor(int32)": "INT32"}}
        self.types = {{name: DataType[kinds[kind]] for name, kind in zip(self.names, types)}}
        self.num_io_tensors = len(self.names)
        self.contexts = 0
    def get_tensor_name(self, index):
        return self.names[index]
    def get_tensor_dtype(self, name):
        return self.types[name]
    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name == "pixels" else TensorIOMode.OUTPUT
    def create_runtime_config(self):
        return RuntimeConfig()
    def create_execution_context(self, how=None):
        self.contexts += 1
        if OLD and self.contexts > 1:
            self.log.log(ILogger.Severity.ERROR, "profile 0 is used by another context")
            return None
        return Context(self, how)

_SHAPES = {{}}

class Context:
    def __init__(self, engine, how):
        self.engine, self.how, self.addresses, self.shape, self.kept = engine, how, {{}}, None, []
        self.memory = how != ExecutionContextAllocationStrategy.USER_MANAGED
    def set_device_memory(self, address, size):
        assert size >= self.engine.device_memory_size_v2
        self.memory = True
    def set_input_shape(self, name, shape):
        low, high = self.engine.ends
        if not all(a <= b <= c for a, b, c in zip(low, shape, high)):
            self.engine.log.log(ILogger.Severity.ERROR, "%s is outside the profile" % (shape,))
            return False
        self.shape = tuple(shape)
        return True
    def get_tensor_shape(self, name):
        key = (name, len(self.engine.session.get_outputs()), self.shape)
        if key not in _SHAPES:
            number, height, width, _ = self.shape
            steps = -(-width // 8)
            known = {{"map": (number, height, width), "best": (number, steps), "probability": (number, steps)}}
            _SHAPES[key] = known.get(name, (number, 2))
        return _SHAPES[key]
    def set_tensor_address(self, name, address):
        self.addresses[name] = address
    def execute_async_v3(self, stream):
        assert self.memory and set(self.addresses) == set(self.engine.names)
        if isinstance(self.how, RuntimeConfig):
            self.how.cache.shapes.add(self.shape)
        shape, addresses = self.shape, dict(self.addresses)
        work = _WORK(lambda _: self.compute(shape, addresses))
        self.kept.append(work)
        _cuda.standin_do(work, None)
        return True
    def compute(self, shape, addresses):
        kind = np.uint8 if self.engine.types["pixels"] is DataType.UINT8 else np.float32
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        pixels = np.frombuffer(ctypes.string_at(addresses["pixels"], size), kind).reshape(shape)
        names = [name for name in self.engine.names if name != "pixels"]
        for name, value in zip(names, self.engine.session.run(names, {{"pixels": pixels}})):
            expected = self.get_tensor_shape(name) if shape == self.shape else value.shape
            assert value.shape == tuple(expected), (name, value.shape, expected)
            value = np.ascontiguousarray(value)
            ctypes.memmove(addresses[name], value.ctypes.data, value.nbytes)
'''


def cuda(folder: Path, memory_mb: int = 1 << 20) -> Path:
    """Make a libcuda.so.1 in a folder; no more than this can be had of it at a time."""
    return compiled(folder / "libcuda.so.1", _CUDA % {"memory": memory_mb})


def tensorrt(packages: Path, version: str = "10.13.3.9", *, rtx: bool = False) -> Path:
    """Make a package `tensorrt` or `tensorrt_rtx` of this version in a folder of packages."""
    name = "tensorrt_rtx" if rtx else "tensorrt"
    folder = packages / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(_TENSORRT.format(version=version, rtx=rtx), "utf-8")
    distribution = f"{name}_cu12" if not version.startswith("8") else name
    note = packages / f"{distribution}-{version}.dist-info"
    note.mkdir(exist_ok=True)
    (note / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", "utf-8")
    return packages
