"""Which file the loader would take for a library: compared with the real loader, on real libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.errors import EngineError
from ocrspool.machine import native_libraries
from support.nvidia_stubs import compiled, needs_compiler, python, tensorrt

LOADED = """
import ctypes, json, os, sys
from pathlib import Path
from ocrspool.machine import native_libraries
name, asked_by = sys.argv[1], sys.argv[2] or None
found = native_libraries.find(name, Path(asked_by) if asked_by else None)
ctypes.CDLL(asked_by or name)
taken = [line.split()[-1] for line in open("/proc/self/maps") if os.path.basename(line.split()[-1]) in
         {name, os.path.basename(os.path.realpath(name if found is None else found))}]
print(json.dumps([found and os.path.realpath(found), taken and os.path.realpath(taken[0])]))
"""


def found_and_loaded(name: str, asked_by: Path | None = None, path: Path | None = None) -> list[str]:
    """The file that `find` names, and the one that the real loader then took, in a process of its own."""
    code = f"import sys; sys.argv += [{name!r}, {str(asked_by or '')!r}]\n{LOADED}"
    pair: list[str] = json.loads(python(code, libraries=path))
    return pair


def a_library(path: Path, *options: str, value: int = 1, calls: str = "") -> Path:
    return compiled(path, f"int {calls or 'self'}(void); int value_{value}(void) {{ return {value}; }}", *options)


@pytest.mark.parametrize("name", ["libc.so.6", "libm.so.6", "libz.so.1"])
def test_a_library_of_the_system_is_found_where_the_loader_finds_it(name: str) -> None:
    if native_libraries.find(name) is None:
        pytest.skip(f"this machine has no {name}")
    found, loaded = found_and_loaded(name)
    assert found == loaded


@needs_compiler
def test_the_path_of_the_environment_comes_before_the_system(tmp_path: Path) -> None:
    mine = a_library(tmp_path / "libz.so.1")
    found, loaded = found_and_loaded("libz.so.1", path=tmp_path)
    assert found == loaded == str(mine)


@needs_compiler
@pytest.mark.parametrize(("tag", "winner"), [("--enable-new-dtags", "environment"), ("--disable-new-dtags", "own")])
def test_the_run_path_of_the_file_that_asks(tmp_path: Path, tag: str, winner: str) -> None:
    """RUNPATH comes after LD_LIBRARY_PATH, the older RPATH before it; $ORIGIN is the folder of the file that asks."""
    for folder in ("own", "environment"):
        a_library(tmp_path / folder / "libneeded.so.1")
    asks = a_library(
        tmp_path / "libasks.so",
        f"-L{tmp_path}/own",
        "-Wl,--no-as-needed",
        "-l:libneeded.so.1",
        f"-Wl,{tag},-rpath,$ORIGIN/nowhere:$ORIGIN/own",
        value=2,
    )
    assert "libneeded.so.1" in native_libraries.needed(asks)
    assert found_and_loaded("libneeded.so.1", asks, tmp_path / "nothing") == [str(tmp_path / "own/libneeded.so.1")] * 2
    chosen = str(tmp_path / winner / "libneeded.so.1")
    assert found_and_loaded("libneeded.so.1", asks, tmp_path / "environment") == [chosen] * 2


@needs_compiler
def test_what_the_loader_passes_over_is_passed_over(tmp_path: Path) -> None:
    """A text file, a 32-bit file and one for another processor bear the right name; the next place has the library."""
    good = a_library(tmp_path / "good/libmine.so.1")
    head = bytearray(good.read_bytes())
    for name, place, value in (("narrow", 4, 1), ("foreign", 18, 0x2A)):
        head_of_other = bytearray(head)
        head_of_other[place] = value
        (tmp_path / name).mkdir()
        (tmp_path / name / good.name).write_bytes(head_of_other)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / good.name).write_text("GROUP ( libmine.so.1 )", "utf-8")
    path = ":".join(str(tmp_path / name) for name in ("narrow", "foreign", "text", "good"))
    code = f"from ocrspool.machine import native_libraries; print(native_libraries.find({good.name!r}))"
    assert python(code, libraries=Path(path)).strip() == str(good)


def test_what_is_nowhere_is_none() -> None:
    assert native_libraries.find("libthere-is-no-such-thing.so.9") is None


def test_a_file_that_is_no_library_needs_nothing(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_bytes(b"\x7fELF\x02\x01" + bytes(100))
    assert native_libraries.needed(text) == ()
    assert native_libraries.needed(tmp_path / "missing.so") == ()
    assert native_libraries.needed(Path(__file__)) == ()


@pytest.mark.skipif(not Path("/usr/bin/ldd").exists(), reason="no ldd to compare with")
def test_pythons_own_needs_are_those_that_the_system_tells() -> None:
    """Compared with what `ldd` says of the interpreter; statically linked ones need little, but libc."""
    told = subprocess.run(["/usr/bin/ldd", sys.executable], capture_output=True, text=True, check=True).stdout
    needs = native_libraries.needed(Path(sys.executable))
    assert "libc.so.6" in needs
    assert all(name in told for name in needs if not name.startswith("ld-"))


@needs_compiler
def test_a_library_of_a_wheel_is_found_last_and_can_be_loaded_first(tmp_path: Path) -> None:
    """The loader does not look into wheels; once `preload` has loaded the file, whoever asks by name gets it."""
    wheel = a_library(tmp_path / "site/nvidia/cudnn/lib/libcudnn.so.9")
    asks = a_library(tmp_path / "libasks.so", f"-L{wheel.parent}", "-Wl,--no-as-needed", "-l:libcudnn.so.9", value=2)
    code = f"""
import ctypes
from ocrspool.machine import native_libraries
print(native_libraries.find("libcudnn.so.9"))
try:
    ctypes.CDLL("{asks}")
except OSError as error:
    print("not yet:", "libcudnn.so.9" in str(error))
print(native_libraries.preload(["libcudnn.so.9", "libmissing.so.1"]))
print(ctypes.CDLL("{asks}").value_2())
"""
    printed = python(code, packages=tmp_path / "site").splitlines()
    assert printed == [str(wheel), "not yet: True", "['libmissing.so.1']", "2"]


@needs_compiler
def test_a_tensorrt_of_a_wheel_gets_what_it_needs_from_other_wheels(tmp_path: Path) -> None:
    needs = a_library(tmp_path / "site/nvidia/cu13/lib/libcudart.so.13")
    options = (f"-L{needs.parent}", "-Wl,--no-as-needed", "-l:libcudart.so.13")
    source = "int getInferLibVersion(void) { return 101303; }"
    compiled(tmp_path / "site/tensorrt_libs/libnvinfer.so.10", source, *options)
    code = """
from ocrspool.machine import native_libraries
print(native_libraries.tensorrt_version(native_libraries.find("libnvinfer.so.10")))
"""
    assert python(code, packages=tmp_path / "site").strip() == "10.13.3"


@needs_compiler
def test_versions_come_from_the_file_or_its_wheel(tmp_path: Path) -> None:
    real = a_library(tmp_path / "lib/libcudnn.so.9.1.1")
    link = real.with_name("libcudnn.so.9")
    link.symlink_to(real.name)
    assert native_libraries.version(link) == "9.1.1"
    wheel = a_library(tmp_path / "site/nvidia/cudnn/lib/libcudnn.so.9")
    assert native_libraries.version(wheel) == ""
    (tmp_path / "site/nvidia_cudnn_cu12-9.5.0.50.dist-info").mkdir()
    assert native_libraries.version(wheel) == "9.5.0.50"


@needs_compiler
@pytest.mark.parametrize(
    ("number", "build", "told"),
    [(8503, None, "8.5.3"), (8601, None, "8.6.1"), (100_700, 23, "10.7.0.23"), (101_303, None, "10.13.3")],
)
def test_tensorrt_is_asked_for_its_version(tmp_path: Path, number: int, build: int | None, told: str) -> None:
    """The stand-in answers as TensorRT 8 and 10 do: four digits, then six."""
    assert native_libraries.tensorrt_version(tensorrt(tmp_path, number, build=build)) == told


@needs_compiler
def test_a_library_that_is_no_tensorrt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="getInferLibVersion"):
        native_libraries.tensorrt_version(a_library(tmp_path / "libnvinfer.so.10"))


@needs_compiler
def test_a_tensorrt_that_lacks_a_library_is_an_error(tmp_path: Path) -> None:
    missing = a_library(tmp_path / "libgone.so.1")
    options = (f"-L{tmp_path}", "-Wl,--no-as-needed", "-l:libgone.so.1")
    broken = a_library(tmp_path / "libnvinfer.so.10", *options, value=2)
    missing.unlink()
    with pytest.raises(EngineError, match=r"libgone\.so\.1") as caught:
        native_libraries.tensorrt_version(broken)
    assert caught.value.hint
