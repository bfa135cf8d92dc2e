"""JSON of messages: what `json` writes is written here too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ocrspool.processes.fast_json import dumps


def test_numbers_of_numpy_are_numbers() -> None:
    """An engine computes with numpy, and a float64 of it is a float."""
    value = {"a": [np.float64(0.1), 0.2, (1, "é")]}
    assert json.loads(dumps(value)) == json.loads(json.dumps(value))


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
