"""Files that a host keeps: real memory files, and a clock that the test turns."""

from __future__ import annotations

import os

import pytest

from ocrspool.cluster import kept_files as module
from ocrspool.cluster.kept_files import IDLE_SECONDS, KeptFiles


class Scene:
    def __init__(self) -> None:
        self.now = 0.0
        self.kept = KeptFiles(lambda: self.now)

    def keep(self, key: str, size: int = 10) -> bool:
        descriptor = os.memfd_create("file")
        try:
            os.write(descriptor, b"x" * size)
            return self.kept.keep(key, descriptor)
        finally:
            os.close(descriptor)

    def size(self, key: str) -> int:
        """Return the size of what is kept; -1 for nothing."""
        descriptor = self.kept.opened(key)
        if descriptor is None:
            return -1
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count of names


def test_a_file_is_kept_until_it_is_forgotten(scene: Scene) -> None:
    """A newer one takes the place of one with the same key, and no descriptor is left over."""
    before = open_descriptors()
    assert scene.keep("a")
    assert scene.keep("a", 20)
    assert (scene.size("a"), scene.size("b")) == (20, -1)
    reading = scene.kept.opened("a")
    assert reading is not None
    scene.kept.forget("a")
    scene.kept.forget("a")
    assert scene.size("a") == -1
    assert os.pread(reading, 100, 0) == b"x" * 20  # who has it open reads on
    os.close(reading)
    assert open_descriptors() == before


def test_what_nobody_asks_for_is_dropped(scene: Scene) -> None:
    """The service may be lost."""
    scene.keep("a")
    scene.keep("b")
    scene.now = IDLE_SECONDS / 2
    assert scene.size("b") == 10
    scene.now = IDLE_SECONDS
    scene.kept.drop_idle()
    assert (scene.size("a"), scene.size("b")) == (-1, 10)


def test_few_are_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by bytes; what was asked for least lately goes. One that is too large is not kept."""
    monkeypatch.setattr(module, "_MOST_FILES", 3)
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    for key in "abc":
        scene.keep(key)
    assert scene.size("a") == 10
    scene.keep("d")
    assert [scene.size(key) for key in "abcd"] == [10, -1, 10, 10]
    assert scene.keep("e", 85)
    assert [scene.size(key) for key in "acde"] == [-1, -1, 10, 85]
    assert not scene.keep("f", 101)
    assert len(scene.kept) == 2
    scene.kept.close()
    assert len(scene.kept) == 0
