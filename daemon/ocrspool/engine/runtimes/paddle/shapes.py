"""Paddle's file of shape ranges: a protobuf in text form, one entry for each tensor of a net. Imports no Paddle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocrspool.engine.spec import Shape, ShapeProfile

_ENTRY = re.compile(r"shape_range_info \{\n(?:  .*\n)*?\}\n")
_OPTIMUM = re.compile(r"  opt_shape: \d+\n")
_IMPOSSIBLE = 7
"""Channels of a picture: no model has so many."""


def planes(shape: Shape) -> Shape:
    """Return the shape of pixels [n, h, w, c] as the model takes them, [n, c, h, w]."""
    count, height, width, channels = shape
    return (count, channels, height, width)


def collected(profile: ShapeProfile) -> tuple[Shape, ...]:
    """Return the shapes [n, c, h, w] to run while Paddle collects ranges: the one it sees most often is the optimum."""
    runs = (profile.minimum, profile.optimum, profile.optimum, profile.maximum)
    return tuple(planes(shape) for shape in runs)


def unbuildable(text: str, name: str) -> str:
    """Return the ranges such that an engine for input `name` can be loaded with them, but not built.

    Paddle's answer to an engine that it cannot load is to build another at once (tensorrt_subgraph_pass.cc), for
    minutes, while a service waits. Loading never looks at the optimum of an input; building compares it, before
    anything else, with the range of every dimension that has only one size (op_converter.h: "the dim of the
    min_input_shape and optim_input_shape should be same"), and raises. So the optimum gets another number of channels.

    Raise ValueError where the text has no such input.
    """
    for entry in _ENTRY.finditer(text):
        if f'  name: "{name}"\n' in entry[0]:
            optimum = list(_OPTIMUM.finditer(entry[0]))
            if len(optimum) == len("nchw"):
                begin, end = (entry.start() + offset for offset in optimum[1].span())
                return f"{text[:begin]}  opt_shape: {_IMPOSSIBLE}\n{text[end:]}"
    raise ValueError(f"no shapes of the input {name!r} among those that Paddle collected")
