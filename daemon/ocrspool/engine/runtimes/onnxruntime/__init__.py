"""ONNX Runtime, on the CPU, with CUDA or with TensorRT."""
