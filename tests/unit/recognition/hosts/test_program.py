"""Two states of the program are told apart."""

from __future__ import annotations

from pathlib import Path

from ocrspool.recognition.hosts.program import code, digest


def test_each_change_of_a_module_shows(tmp_path: Path) -> None:
    """Its text, its name, its folder. What Python keeps beside it does not."""
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    before = digest(tmp_path)
    (tmp_path / "part" / "__pycache__").mkdir()
    (tmp_path / "part" / "__pycache__" / "a.cpython-312.pyc").write_bytes(b"x")
    assert digest(tmp_path) == before
    seen = {before}
    (tmp_path / "b.py").write_text("3")
    seen.add(digest(tmp_path))
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    seen.add(digest(tmp_path))
    (tmp_path / "c.py").rename(tmp_path / "part" / "c.py")
    seen.add(digest(tmp_path))
    assert len(seen) == 4


def test_the_program_knows_its_own() -> None:
    assert len(code()) == 12
    assert code() == digest(Path(code.__wrapped__.__code__.co_filename).parents[2])
