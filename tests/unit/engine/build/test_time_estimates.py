"""How long a build will take, by how long others took."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.engine.build.time_estimates import History
from ocrspool.engine.spec import NetSpec, Role, ShapeProfile
from ocrspool.formatting import format_duration

SHAPES = ShapeProfile((1, 1, 1, 3), (1, 1, 1, 3), (1, 1, 1, 3))
IDENTITY = {
    "runtime": "paddle",
    "runtime_version": "2.6.2",
    "provider": "tensorrt",
    "device": "gpu",
    "gpu": "NVIDIA H200",
    "precision": "f16",
    "recognition.shapes": "1x48x32x3 32x48x320x3 32x48x1280x3",
}


def model(name: str = "PP-OCRv4_mobile_rec", role: Role = "recognition") -> NetSpec:
    return NetSpec(role, name, (), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), SHAPES)


def test_the_first_build_knows_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.estimate(IDENTITY, model()) is None
    assert history.in_words(IDENTITY, model()) == ", no earlier build here to estimate from; TensorRT takes minutes"
    assert not history.in_words({**IDENTITY, "provider": "cpu"}, model()), "which takes a second"


def test_the_last_of_the_same_builds_counts(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(IDENTITY, model(), 1200.0)
    history.add(IDENTITY, model(), 900.0)
    assert History(tmp_path).estimate(IDENTITY, model()) == (900.0, True)
    assert history.in_words(IDENTITY, model()) == ", about 15 min by the last build of it here"
    assert len(json.loads((tmp_path / "history.json").read_bytes())) == 1


def test_the_nearest_of_others_counts(tmp_path: Path) -> None:
    """Another precision and other shapes say less than another precision alone; another model says nothing."""
    history = History(tmp_path)
    history.add({**IDENTITY, "precision": "f32"}, model(), 300.0)
    history.add({**IDENTITY, "precision": "f32", "recognition.shapes": "other"}, model(), 100.0)
    history.add(IDENTITY, model("PP-OCRv5_server_rec"), 9000.0)
    history.add({**IDENTITY, "provider": "cuda"}, model(), 1.0)
    assert history.estimate(IDENTITY, model()) == (300.0, False)
    assert history.in_words(IDENTITY, model()) == ", about 5 min by a similar build of it here"


def test_what_takes_no_time_is_not_estimated(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(IDENTITY, model(), 0.4)
    assert not history.in_words(IDENTITY, model())


def test_it_stays_small(tmp_path: Path) -> None:
    """The oldest go first."""
    history = History(tmp_path)
    for number in range(100):
        history.add(IDENTITY, model(f"model {number}"), 10.0)
    assert len(json.loads((tmp_path / "history.json").read_bytes())) == 60
    assert history.estimate(IDENTITY, model("model 99")) is not None
    assert history.estimate(IDENTITY, model("model 0")) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"{}", b"3", b"[3, null, {}]", b"\xff", b"[" * 100_000,
        b'[{"about": 3, "seconds": 1}]', b'[{"about": {}, "seconds": "1"}]', b'[{"about": {"a": []}, "seconds": 1}]',
        b'[{"about": {}, "seconds": NaN}]', b'[{"about": {}, "seconds": Infinity}]', b'[{"about": {}, "seconds": -1}]',
    ],
)  # fmt: skip
def test_a_damaged_history_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """And mended by the next build."""
    (tmp_path / "history.json").write_bytes(content)
    history = History(tmp_path)
    assert history.estimate(IDENTITY, model()) is None
    history.add(IDENTITY, model(), 60.0)
    assert history.estimate(IDENTITY, model()) == (60.0, True)
    assert len(json.loads((tmp_path / "history.json").read_bytes())) == 1


def test_one_that_cannot_be_written_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "history.json").mkdir()
    History(tmp_path).add(IDENTITY, model(), 60.0)
    assert "cannot note" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]


ADD = """
import pathlib, sys
from ocrspool.engine.build.time_estimates import History
from ocrspool.engine.spec import NetSpec, ShapeProfile
history = History(pathlib.Path(sys.argv[1]))
for number in range(10):
    history.add({}, NetSpec("detection", f"{sys.argv[2]} {number}", (), None, None, None), 1.0)
"""


def test_several_builds_at_once(tmp_path: Path) -> None:
    """None of them loses what another has noted."""
    together = [subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path), name]) for name in "abc"]
    assert [process.wait(60) for process in together] == [0, 0, 0]
    assert len(json.loads((tmp_path / "history.json").read_bytes())) == 30


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.6, "60 s"),
        (89, "89 s"),
        (90, "2 min"),
        (900, "15 min"),
        (5300, "88 min"),
        (5399, "1 h 30 min"),
        (7000, "1 h 57 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
