"""The metadata properties of an ONNX file, read directly from its protobuf fields, without the onnx library."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from ocrspool.errors import EngineError

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2  # field numbers of ONNX ModelProto and StringStringEntryProto
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # protobuf wire types


def read(path: Path) -> dict[str, str]:
    """Return the metadata properties of an ONNX file. Raise EngineError where it is damaged."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            entries = [
                dict(_fields(data, *span)) for number, span in _fields(data, 0, len(data)) if number == _METADATA_PROPS
            ]
            return {_text(data, entry[_KEY]): _text(data, entry[_VALUE]) for entry in entries}
        except (IndexError, KeyError, ValueError) as error:
            raise EngineError(f"{path}: not a readable ONNX file ({error})", "install the model again") from error


def _text(data: mmap.mmap, span: tuple[int, int]) -> str:
    return data[span[0] : span[1]].decode("utf-8")


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield number and byte span of each length-delimited field of one protobuf message; skip the others."""
    while start < end:
        tag, start = _varint(data, start)
        number, wire = tag >> 3, tag & 7
        if wire == _LENGTH:
            length, start = _varint(data, start)
            if start + length > end:
                raise ValueError("a field runs past its message")
            yield number, (start, start + length)
            start += length
        elif wire == _VARINT:
            start = _varint(data, start)[1]
        elif wire in (_FIXED32, _FIXED64):
            start += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """Return the number that starts at `position` and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
