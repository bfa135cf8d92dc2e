"""Models out of a real web server: whole or not at all, continued where they broke off, and pinned ever after."""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.engine.models import download, model_set
from ocrspool.engine.models.http_download import Source
from ocrspool.engine_request import Runtime
from ocrspool.errors import ConfigError, EngineError
from support import model_folders
from support.model_folders import ONNX, PIR
from support.model_server import PackageServer, package, serving

SET = "PP-OCRv6_small"
NAMES = ("PP-OCRv6_small_det", "PP-OCRv6_small_rec", "PP-LCNet_x0_25_textline_ori")
DETECTION = "/models/PP-OCRv6_small_det_onnx_infer.tar"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageServer]:
    """All packages of one set, in both formats."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        for name in NAMES:
            server.packages[f"/models/{name}_infer.tar"] = package(name, model_folders.contents(name, PIR))
            files = {**model_folders.contents(name), "README.md": b"not needed"}
            server.packages[f"/models/{name}_onnx_infer.tar"] = package(f"{name}_onnx", files)
        yield server


def _fetch(server: PackageServer, folder: Path, runtime: Runtime = "openvino", **options: object) -> list[str]:
    """Fetch, and return what was said meanwhile."""
    said: list[str] = []
    source = Source(server.url, **{"attempts": 3, "pause_seconds": 0.0, **options})  # type: ignore[arg-type] # as Source states them
    download.fetch(SET, folder, said.append, runtime, source)
    return said


def _replace(server: PackageServer, name: str, files: dict[str, bytes]) -> None:
    server.packages[f"/models/{name}_onnx_infer.tar"] = package(name, files)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("runtime", "suffix", "kind"), [("openvino", "_onnx", ONNX), ("paddle", "", PIR)])
def test_what_was_fetched_is_found(
    server: PackageServer, tmp_path: Path, runtime: Runtime, suffix: str, kind: tuple[str, ...]
) -> None:
    folder = tmp_path / "cache/models"
    said = _fetch(server, folder, runtime)
    assert [spec.name for spec in model_set.find(SET, folder, runtime)] == list(NAMES)
    assert {path.name for path in folder.iterdir()} == {".lock", *(f"{name}{suffix}" for name in NAMES)}
    assert {path.name for path in (folder / f"{NAMES[0]}{suffix}").iterdir()} == {*kind, "inference.yml", "pinned.json"}
    assert said[0] == f"downloading {NAMES[0]}{suffix}: 0.0 of 0.0 MB"


def test_what_is_there_is_not_fetched_again(server: PackageServer, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    before, asked = _contents(tmp_path), len(server.asked)
    assert _fetch(server, tmp_path) == []
    assert _contents(tmp_path) == before
    assert len(server.asked) == asked == 3


def test_a_model_put_there_by_hand_is_used_as_it_is(server: PackageServer, tmp_path: Path) -> None:
    """No network was needed for it, and there is no pin that it could break."""
    model_folders.put(tmp_path / NAMES[0], model_folders.contents(NAMES[0]))
    _fetch(server, tmp_path)
    assert DETECTION not in [path for path, _ in server.asked]
    assert model_set.find(SET, tmp_path, "openvino").detection.files[0].parent == tmp_path / NAMES[0]


def test_pins_say_what_came_from_where(server: PackageServer, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    pinned = json.loads((tmp_path / f"{NAMES[0]}_onnx/pinned.json").read_text("utf-8"))
    assert pinned["url"] == f"{server.url}/{NAMES[0]}_onnx_infer.tar"
    assert set(pinned["files"]) == {"inference.onnx", "inference.yml"}
    assert pinned["files"]["inference.onnx"]["size"] == len(f"inference.onnx of {NAMES[0]}")
    summed = subprocess.run(
        ["sha256sum", tmp_path / f"{NAMES[0]}_onnx/inference.onnx"],  # noqa: S607 - wherever coreutils are
        check=True,
        capture_output=True,
        text=True,
    )
    assert summed.stdout.split()[0] == pinned["files"]["inference.onnx"]["sha256"]


def test_a_changed_file_is_refused(server: PackageServer, tmp_path: Path) -> None:
    """Of another size by whoever looks, of the same size by prebuild (and by the identity of the engine)."""
    _fetch(server, tmp_path)
    file = tmp_path / f"{NAMES[1]}_onnx/inference.onnx"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"X")
    with pytest.raises(EngineError, match=r"inference\.onnx has changed: sha256 .*, not .* as it came on") as caught:
        _fetch(server, tmp_path)
    assert "remove" in caught.value.hint
    file.write_bytes(content + b"X")
    for look in (lambda: _fetch(server, tmp_path), lambda: model_set.find(SET, tmp_path, "openvino")):
        with pytest.raises(EngineError, match=f"has {len(content) + 1} bytes, not {len(content)}"):
            look()
    file.write_bytes(content)
    assert _fetch(server, tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": "", "downloaded_at": "", "files": {"a": 1}}'])
def test_damaged_pins_are_refused(server: PackageServer, tmp_path: Path, text: str) -> None:
    _fetch(server, tmp_path)
    (tmp_path / f"{NAMES[0]}_onnx/pinned.json").write_text(text, "utf-8")
    with pytest.raises(EngineError, match=r"pinned\.json is damaged"):
        model_set.find(SET, tmp_path, "openvino")


def test_a_download_that_breaks_off_goes_on(server: PackageServer, tmp_path: Path) -> None:
    server.break_after = [3000, 2000]
    said = _fetch(server, tmp_path)
    whole = len(server.packages[DETECTION])
    assert server.asked[:3] == [(DETECTION, ""), (DETECTION, "bytes=3000-"), (DETECTION, "bytes=5000-")]
    broke_off = [line for line in said if "broke off" in line]
    assert broke_off == [
        f"downloading {NAMES[0]}_onnx broke off: the connection ended after {have} of {whole} bytes; "
        "trying again in 0 s"
        for have in (3000, 5000)
    ]
    assert model_set.find(SET, tmp_path, "openvino").detection.files[0].read_bytes() == b"inference.onnx of " + (
        NAMES[0].encode()
    )


def test_the_next_run_goes_on_where_the_last_one_gave_up(server: PackageServer, tmp_path: Path) -> None:
    server.break_after = [1000, 1000, 1000]
    with pytest.raises(EngineError, match=r"cannot be downloaded from .*3000 of") as caught:
        _fetch(server, tmp_path)
    assert "unpack" in caught.value.hint
    assert not (tmp_path / f"{NAMES[0]}_onnx").exists()
    _fetch(server, tmp_path)
    assert server.asked[3] == (DETECTION, "bytes=3000-")
    model_set.find(SET, tmp_path, "openvino")


def test_a_file_that_changed_in_between_is_fetched_whole(server: PackageServer, tmp_path: Path) -> None:
    server.break_after = [3000]
    with pytest.raises(EngineError):
        _fetch(server, tmp_path, attempts=1)
    changed = model_folders.contents(NAMES[0]) | {"inference.onnx": b"a newer model"}
    _replace(server, f"{NAMES[0]}", changed)
    server.tag = '"2"'
    _fetch(server, tmp_path)
    assert (tmp_path / f"{NAMES[0]}_onnx/inference.onnx").read_bytes() == b"a newer model"


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_without_a_way_to_tell_nothing_is_continued(server: PackageServer, tmp_path: Path, tag: str) -> None:
    server.tag = tag
    server.break_after = [3000]
    _fetch(server, tmp_path)
    assert server.asked[:2] == [(DETECTION, ""), (DETECTION, "")]


def test_a_server_that_cannot_continue_is_put_up_with(server: PackageServer, tmp_path: Path) -> None:
    server.ranges = False
    server.break_after = [3000]
    _fetch(server, tmp_path)
    assert server.asked[1] == (DETECTION, "bytes=3000-")
    model_set.find(SET, tmp_path, "openvino")


def test_a_download_that_was_complete_but_not_unpacked(server: PackageServer, tmp_path: Path) -> None:
    """Killed at that moment, say: the server has nothing more to send, and the next attempt starts afresh."""
    part = tmp_path / f".{NAMES[0]}_onnx.part"
    model_folders.put(part, {"package": server.packages[DETECTION], "validator": b'"1"'})
    _fetch(server, tmp_path)
    assert [wanted for _, wanted in server.asked[:2]] == [f"bytes={len(server.packages[DETECTION])}-", ""]
    model_set.find(SET, tmp_path, "openvino")


def test_a_busy_server_is_asked_again(server: PackageServer, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    _fetch(server, tmp_path)
    assert [path for path, _ in server.asked[:3]] == [DETECTION] * 3


def test_what_is_not_there_is_asked_for_once(server: PackageServer, tmp_path: Path) -> None:
    del server.packages[DETECTION]
    with pytest.raises(EngineError, match="404") as caught:
        _fetch(server, tmp_path)
    assert f"{server.url}/{NAMES[0]}_onnx_infer.tar" in caught.value.message
    assert str(tmp_path / f"{NAMES[0]}_onnx") in caught.value.hint
    assert len(server.asked) == 1
    assert not (tmp_path / f"{NAMES[0]}_onnx").exists()


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("127.0.0.1", 0))
        source = Source(f"http://127.0.0.1:{held.getsockname()[1]}", attempts=2, pause_seconds=0)
        said: list[str] = []
        with pytest.raises(EngineError, match="refused") as caught:
            download.fetch(SET, tmp_path, said.append, "openvino", source)
    assert "proxy" in caught.value.hint
    assert len(said) == 1


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def _claiming(name: str, size: int) -> bytes:
    """An archive whose file is larger than the archive, as one with holes is."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf() + bytes(4096)


STRANGE = {
    "upwards": (_tar((_member("m/../../../inference.yml"), b"x")), "outside of itself"),
    "absolute": (_tar((_member("/tmp/inference.yml"), b"x")), "outside of itself"),  # noqa: S108
    "link": (_tar((_member("m/inference.onnx", tarfile.SYMTYPE, "/etc/passwd"), b"")), "is no regular file"),
    "hard link": (_tar((_member("m/inference.onnx", tarfile.LNKTYPE, "/etc/passwd"), b"")), "is no regular file"),
    "device": (_tar((_member("m/inference.onnx", tarfile.CHRTYPE), b"")), "is no regular file"),
    "pipe": (_tar((_member("m/inference.onnx", tarfile.FIFOTYPE), b"")), "is no regular file"),
    "twice": (_tar((_member("m/inference.yml"), b"x"), (_member("n/inference.yml"), b"y")), "File exists"),
    "large": (_claiming("m/inference.onnx", 1_100_000), "of 1100000 bytes"),
    "empty": (_tar(), "but nothing"),
    "no tar": (b"<html>please log in</html>" * 50, "not a model's archive"),
    "truncated": (_tar((_member("m/inference.onnx"), bytes(9000)))[:5000], "not a model's archive"),
    "another model": (package("m", model_folders.contents("PP-OCRv5_mobile_det")), "does not hold that model"),
    "another format": (package("m", model_folders.contents(NAMES[0], PIR)), "but inference.json, inference.pdiparams"),
    "no description": (package("m", {"inference.onnx": b"x"}), "but inference.onnx"),
    "unreadable": (package("m", {"inference.onnx": b"x", "inference.yml": b"\xff: {"}), "is no YAML file"),
}


@pytest.mark.parametrize(("data", "said"), STRANGE.values(), ids=STRANGE)
def test_nothing_of_a_strange_archive_is_kept(server: PackageServer, tmp_path: Path, data: bytes, said: str) -> None:
    server.packages[DETECTION] = data
    with pytest.raises(EngineError) as caught:
        _fetch(server, tmp_path / "cache/models", most_mb=1)
    assert said in caught.value.message
    assert caught.value.hint
    assert _contents(tmp_path) == {"cache/models/.lock": b""}
    assert not Path("/tmp/inference.yml").exists()  # noqa: S108


def test_a_file_larger_than_any_model_is_not_received(server: PackageServer, tmp_path: Path) -> None:
    """Neither if the server says so beforehand nor if it does not."""
    server.packages[DETECTION] = bytes(3_000_000)
    with pytest.raises(EngineError, match="3 MB, more than any model"):
        _fetch(server, tmp_path, most_mb=1)
    server.says_length = False
    with pytest.raises(EngineError, match="larger than any model"):
        _fetch(server, tmp_path, most_mb=1)
    assert sum(map(len, _contents(tmp_path).values())) <= 1_000_003


def test_what_lies_in_the_way_is_not_removed(server: PackageServer, tmp_path: Path) -> None:
    model_folders.put(tmp_path / f"{NAMES[0]}_onnx", {"notes.txt": b"mine"})
    with pytest.raises(EngineError, match="no complete model") as caught:
        _fetch(server, tmp_path)
    assert "remove it" in caught.value.hint
    assert (tmp_path / f"{NAMES[0]}_onnx/notes.txt").exists()


def test_progress_is_told_in_tenths(server: PackageServer, tmp_path: Path) -> None:
    files = model_folders.contents(NAMES[0]) | {"inference.onnx": bytes(8_000_000)}
    _replace(server, NAMES[0], files)
    said = [line for line in _fetch(server, tmp_path) if NAMES[0] in line]
    assert said[0] == f"downloading {NAMES[0]}_onnx: 0.0 of 8.0 MB"
    assert said[-1] == f"downloading {NAMES[0]}_onnx: 8.0 of 8.0 MB"
    assert 3 < len(said) <= 11


def test_who_comes_second_waits_and_finds_what_the_first_fetched(server: PackageServer, tmp_path: Path) -> None:
    """The test is first: it holds the lock, and the models appear before it lets go."""
    code = (
        "import sys; from pathlib import Path; from ocrspool.engine.models import download, http_download\n"
        "source = http_download.Source(sys.argv[1])\n"
        f"download.fetch({SET!r}, Path(sys.argv[2]), lambda said: print(said, flush=True), 'openvino', source)\n"
    )
    command = [sys.executable, "-c", code, server.url, str(tmp_path)]
    me = Path("/proc/self/comm").read_text("ascii").strip()
    with (tmp_path / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ":".join(sys.path)}, stdout=subprocess.PIPE)
        assert second.stdout is not None
        assert (
            second.stdout.readline()
            == f"waiting: {tmp_path}/.lock is locked by process {os.getpid()} ({me})\n".encode()
        )
        for name in NAMES:
            model_folders.put(tmp_path / f"{name}_onnx", model_folders.contents(name))
    said, _ = second.communicate(timeout=60)
    assert (second.returncode, said) == (0, b"")
    assert server.asked == []


def test_an_unwritable_folder_is_named(server: PackageServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EngineError, match=f"cannot be put into {tmp_path}/file/models"):
        _fetch(server, tmp_path / "file/models")


def test_a_full_disk_is_said(server: PackageServer, tmp_path: Path) -> None:
    """/dev/full in the archive's place: every write to it fails as on a full disk."""
    part = tmp_path / f".{NAMES[0]}_onnx.part"
    part.mkdir()
    (part / "package").symlink_to("/dev/full")
    with pytest.raises(EngineError, match="No space left") as caught:
        _fetch(server, tmp_path)
    assert caught.value.hint == "make room"
    assert len(server.asked) == 1


@pytest.mark.parametrize("choice", ["bundled", "/srv/models"])
def test_other_choices_need_nothing(server: PackageServer, tmp_path: Path, choice: str) -> None:
    download.fetch(choice, tmp_path / "models", lambda _: None, "openvino", Source(server.url))
    assert not server.asked
    assert not (tmp_path / "models").exists()


def test_only_the_web_is_a_source(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no http or https address"):
        download.fetch(SET, tmp_path, lambda _: None, "openvino", Source("file:///etc"))


def test_a_set_that_is_not_published_for_the_runtime_is_not_asked_for(server: PackageServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="published for Paddle only"):
        download.fetch("PP-OCRv4_server", tmp_path, lambda _: None, "openvino", Source(server.url))
    assert not server.asked
