"""Engines as files: the same engine comes out that went in, and nothing else ever does."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrspool.engine.cache import archive, inventory
from ocrspool.errors import EngineError
from support.cached_engines import FILES, held_elsewhere, made, tree, waits_for_a_lock
from support.waiting import wait_until

Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """An engine on the machine where it was built."""
    return made(tmp_path / "there", "a", gpu="H200")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The cache of another machine."""
    return tmp_path / "here"


def exported(folder: Path) -> bytes:
    manifest = inventory.card_of(folder).manifest
    assert manifest is not None
    target = io.BytesIO()
    archive.write(folder, manifest, target, lambda _: None)
    return target.getvalue()


def import_engine(data: bytes, cache: Path) -> archive.Imported:
    return archive.import_engine(io.BytesIO(data), cache, lambda _: None)


def unpacked(data: bytes) -> Members:
    """Return the members of an archive, to be tampered with."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(member, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive]


def packed(members: Members, form: int = tarfile.GNU_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def test_there_and_back(engine: Path, cache: Path) -> None:
    """Every byte and the manifest arrive; the folder is as readable as one built here; nothing else is left."""
    taken = import_engine(exported(engine), cache)
    assert (taken.folder, taken.new) == (cache / "engines" / engine.name, True)
    assert tree(cache / "engines") == {engine.name: None, **{f"{engine.name}/{k}": v for k, v in tree(engine).items()}}
    assert inventory.faults(taken.folder, taken.manifest, lambda _: None) == []
    assert taken.folder.stat().st_mode == engine.stat().st_mode
    assert (taken.folder / "det/model.blob").stat().st_mode == (engine / "det/model.blob").stat().st_mode
    assert inventory.stale_files(cache) == []


def test_the_file_is_the_same_each_time(engine: Path, tmp_path: Path) -> None:
    """Whenever, wherever and by whomever it is written; any tar reads it; progress is told of every byte."""
    data = exported(engine)
    copy = Path(shutil.copytree(engine, tmp_path / "copy" / engine.name))
    for path in copy.rglob("*"):
        os.utime(path, (0, 12345))
        path.chmod(0o700)
    assert exported(copy) == data
    members = unpacked(data)
    assert [member.name for member, _ in members] == [f"{engine.name}/{n}" for n in ("manifest.json", *sorted(FILES))]
    for member, _ in members:
        owner = (member.uid, member.gid, member.uname, member.gname, member.mtime, member.mode)
        assert owner == (0, 0, "", "", 0, 0o644)
    read: list[int] = []
    manifest = import_engine(data, tmp_path / "other").manifest
    archive.write(engine, manifest, io.BytesIO(), read.append)
    assert sum(read) == sum(map(len, tree_bytes(engine)))


def tree_bytes(folder: Path) -> list[bytes]:
    return [data for data in tree(folder).values() if data is not None]


def test_long_and_foreign_names(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT's engines have names that are too long for old tar."""
    long, foreign = f"det/{'TensorrtExecutionProvider_' * 8}.engine", "rec/模型 é.blob"
    monkeypatch.setitem(FILES, long, b"long")
    monkeypatch.setitem(FILES, foreign, b"foreign")
    engine = made(tmp_path / "there", "a")
    taken = import_engine(exported(engine), cache)
    assert tree(taken.folder) == tree(engine)
    assert (taken.folder / long).read_bytes() == b"long"


def test_links_arrive_as_files(engine: Path, cache: Path, tmp_path: Path) -> None:
    """Paddle's folders are of links to the models; what is in the manifest is their content."""
    outside = shutil.move(engine / "det/model.blob", tmp_path / "model")
    (engine / "det/model.blob").symlink_to(outside)
    taken = import_engine(exported(engine), cache)
    assert not (taken.folder / "det/model.blob").is_symlink()
    assert (taken.folder / "det/model.blob").read_bytes() == FILES["det/model.blob"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.write_bytes(b"x" * 3000), "altered"),
        (lambda path: path.write_bytes(b"d" * 2999), "altered"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_no_export_of_a_damaged_engine(engine: Path, harm: Callable[[Path], None], said: str) -> None:
    """A file that is not what the manifest states ends the export."""
    harm(engine / "det/model.blob")
    with pytest.raises(EngineError, match=f"det/model.blob is {said}"):
        exported(engine)


def hostile(change: Callable[[Members], object]) -> Callable[[bytes], bytes]:
    def tampered(data: bytes) -> bytes:
        members = unpacked(data)
        change(members)
        return packed(members)

    return tampered


def add(kind: bytes, name: str, link: str = "/etc/passwd") -> Callable[[Members], object]:
    """Put a member of another type into the archive, after the manifest."""

    def change(members: Members) -> None:
        member = tarfile.TarInfo(name.format(members[0][0].name.partition("/")[0]))
        member.type, member.linkname = kind, link
        members.insert(1, (member, b""))

    return change


def set_name(index: int, name: str) -> Callable[[Members], object]:
    return lambda members: setattr(members[index][0], "name", name)


def replace_data(index: int, data: bytes, *, sized: bool = True) -> Callable[[Members], object]:
    def change(members: Members) -> None:
        members[index] = (members[index][0], data)
        if sized:
            members[index][0].size = len(data)

    return change


def set_told(**values: object) -> Callable[[Members], object]:
    """Alter the manifest."""

    def change(members: Members) -> None:
        data = json.dumps({**json.loads(members[0][1]), **values}).encode()
        replace_data(0, data)(members)

    return change


def header_of(**values: object) -> bytes:
    """Return one tar header, with whatever fields, and what comes after it."""
    member = tarfile.TarInfo("x")
    for name, value in values.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT)


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "symbolic link": (hostile(add(tarfile.SYMTYPE, "{}/det/link")), "no regular file"),
    "link for a folder": (hostile(add(tarfile.SYMTYPE, "{}/det", "/tmp")), "no regular file"),  # noqa: S108 - a target
    "hard link": (hostile(add(tarfile.LNKTYPE, "{}/det/link")), "no regular file"),
    "folder": (hostile(add(tarfile.DIRTYPE, "{}/det")), "no regular file"),
    "pipe": (hostile(add(tarfile.FIFOTYPE, "{}/det/pipe")), "no regular file"),
    "device": (hostile(add(tarfile.CHRTYPE, "{}/det/device")), "no regular file"),
    "sparse file": (hostile(add(tarfile.GNUTYPE_SPARSE, "{}/det/model.blob")), "no regular file"),
    "absolute": (hostile(set_name(1, "/etc/cron.d/evil")), "not in its manifest"),
    "outside": (hostile(set_name(1, "../evil")), "not in its manifest"),
    "detour": (hostile(set_name(1, "0" * 16 + "/../../evil")), "not in its manifest"),
    "twice": (hostile(lambda members: members.insert(1, members[1])), "twice"),
    "manifest twice": (hostile(lambda members: members.insert(1, members[0])), "twice"),
    "too many": (hostile(add(tarfile.REGTYPE, "{}/det/extra")), "not in its manifest"),
    "too few": (hostile(lambda members: members.pop()), "rec/model.blob is missing"),
    "longer": (hostile(replace_data(1, b"d" * 3001)), "3001 bytes, not 3000"),
    "altered": (hostile(replace_data(1, b"x" * 3000)), "SHA-256"),
    "manifest last": (hostile(lambda members: members.append(members.pop(0))), "it begins with"),
    "no manifest": (hostile(lambda members: members.pop(0)), "it begins with"),
    "other folder": (hostile(set_name(0, "evil/manifest.json")), "it begins with"),
    "other name": (hostile(set_name(0, "0" * 16 + "/manifest.json")), "its manifest is that of"),
    "huge manifest": (hostile(replace_data(0, b" " * (17 << 20))), "it begins with"),
    "no JSON": (hostile(replace_data(0, b"{")), "no engine to import"),
    "deep JSON": (hostile(replace_data(0, b"[" * 200_000)), "damaged"),
    "list": (hostile(replace_data(0, b"[]")), "damaged"),
    "other version": (hostile(set_told(schema="ocrspool-engine/1")), "another version of ocrspool"),
    "other identity": (hostile(set_told(identity={"engine": "b"})), "its identity is that of"),
    "other fingerprint": (hostile(set_told(fingerprint="0" * 16)), "its identity is that of"),
    "evil file": (hostile(set_told(files={"../evil": {"size": 0, "sha256": "0" * 64}})), "it names a file"),
    "huge file": (hostile(set_told(files={"a": {"size": 1 << 60, "sha256": "0" * 64}})), "the engine needs"),
    "pax": (
        lambda data: packed(commented(unpacked(data)), tarfile.PAX_FORMAT),
        "no regular file",
    ),
    "huge pax": (lambda _: header_of(type=tarfile.XHDTYPE, size=1 << 40), "no regular file"),
    "huge name": (lambda _: header_of(type=tarfile.GNUTYPE_LONGNAME, size=1 << 40), "no regular file"),
    "negative size": (lambda _: header_of(size=-512), "negative size"),
    "nothing": (lambda _: b"", "cut off"),
    "empty archive": (lambda _: bytes(10240), "empty"),
    "no archive": (lambda _: b"x" * 5000, "no tar archive"),
    "compressed": (lambda data: gzip.compress(data) + bytes(512), "no tar archive"),
}


def commented(members: Members) -> Members:
    for member, _ in members[1:]:
        member.pax_headers = {"comment": "hello"}
    return members


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files(engine: Path, cache: Path, tmp_path: Path, kind: str) -> None:
    """Refused with the reason; there is no engine then, no half of one, and nothing outside the cache."""
    tampered, reason = HOSTILE[kind]
    data = tampered(exported(engine))
    before = set(tmp_path.rglob("*")) - {cache, cache / "engines"}
    with pytest.raises(EngineError, match=reason) as caught:
        import_engine(data, cache)
    assert caught.value.hint
    assert set(tmp_path.rglob("*")) - {cache, cache / "engines"} == before


def test_cut_off_anywhere(engine: Path, cache: Path) -> None:
    """Whatever is missing at the end, down to the mark of the end itself: no engine."""
    data = exported(engine)
    for length in range(0, len(data) - 512, 256):
        with pytest.raises(EngineError, match="cut off"):
            import_engine(data[:length], cache)
        assert inventory.cards(cache) == []
    assert import_engine(data[:-512], cache).new


def test_every_byte_counts(engine: Path, cache: Path) -> None:
    """One altered byte of a file's content or of the manifest's hashes is found."""
    data = exported(engine)
    blob, hashes = data.index(b"d" * 3000), data.index(b'"sha256": "')
    for at in (blob, blob + 2999, data.index(b"r" * 512), hashes + 11):
        altered = bytearray(data)
        altered[at] ^= 1
        with pytest.raises(EngineError):
            import_engine(bytes(altered), cache)
    assert inventory.cards(cache) == []


def test_an_engine_that_is_bound_to_its_place(tmp_path: Path) -> None:
    """Some work in the cache only in which they were built: refused elsewhere, taken where the path is the same."""
    there = tmp_path / "there"
    data = exported(made(there, "a", path=os.path.realpath(there)))
    with pytest.raises(EngineError, match=f"in the cache {there} only, and this cache is {tmp_path / 'here'}"):
        import_engine(data, tmp_path / "here")
    assert not (tmp_path / "here").exists()
    shutil.rmtree(there)
    assert import_engine(data, there).new
    (tmp_path / "link").symlink_to(there)
    assert not import_engine(data, tmp_path / "link").new


def test_a_sound_engine_is_left(engine: Path, cache: Path) -> None:
    """Importing again changes nothing, not even a time, and says so."""
    data = exported(engine)
    folder = import_engine(data, cache).folder
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    assert not import_engine(data, cache).new
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


@pytest.mark.parametrize("harm", [lambda data: data[: len(data) // 2], lambda data: data.replace(b"det", b"dex", 1)])
def test_a_damaged_file_is_refused_also_where_the_engine_is(
    engine: Path, cache: Path, harm: Callable[[bytes], bytes]
) -> None:
    """The hashes of the file are compared too, not only those of the engine in the cache; that one stays."""
    data = exported(engine)
    before = tree(import_engine(data, cache).folder)
    with pytest.raises(EngineError, match="no engine to import"):
        import_engine(harm(data), cache)
    assert tree(cache / "engines" / engine.name) == before


@pytest.mark.parametrize("harm", ["altered", "added", "leftover", "other version"])
def test_what_is_not_sound_is_replaced(engine: Path, cache: Path, harm: str) -> None:
    """A damaged engine, or what an aborted build left, gives way to the whole one, and nothing of it remains."""
    data = exported(engine)
    folder = import_engine(data, cache).folder
    if harm == "altered":
        (folder / "det/model.blob").write_bytes(b"x" * 3000)
    elif harm == "added":
        (folder / "extra").touch()
    elif harm == "leftover":
        (folder / "manifest.json").unlink()
    else:
        (folder / "manifest.json").write_text('{"schema": "ocrspool-engine/1"}', "utf-8")
    assert import_engine(data, cache).new
    assert tree(folder) == tree(engine)


IMPORT = """
import pathlib, sys
from ocrspool.engine.cache import archive
archive.import_engine(sys.stdin.buffer, pathlib.Path(sys.argv[1]), lambda _: None)
print("done")
"""


def importing(cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, os.fspath(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_it_waits_for_a_build(engine: Path, cache: Path) -> None:
    """While the engine is being built here it is unpacked, but does not appear."""
    folder = cache / "engines" / engine.name
    folder.mkdir(parents=True)
    with importing(cache) as process:
        with held_elsewhere(inventory.lock_of(folder)):
            assert process.stdin is not None
            process.stdin.write(exported(engine))
            process.stdin.close()
            wait_until(lambda: waits_for_a_lock(process.pid, inventory.lock_of(folder)))
            assert list(folder.iterdir()) == []
        assert process.stdout is not None
        assert process.stdout.read() == b"done\n"
    assert tree(folder) == tree(engine)


def test_a_name_that_no_file_can_have(engine: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused in words, and nothing is left."""
    archive = exported(engine)
    monkeypatch.setattr("ocrspool.engine.cache.archive._LONGEST_PART", 5)
    with pytest.raises(EngineError, match="longer than a name may be"):
        import_engine(archive, cache)
    assert tree(cache / "engines") == {}


def test_a_killed_import(engine: Path, cache: Path) -> None:
    """What it leaves is swept away later, but not while it is still at work; and another one works beside it."""
    data = exported(engine)
    with importing(cache) as process:
        assert process.stdin is not None
        process.stdin.write(data[: len(data) // 2])
        process.stdin.flush()
        wait_until(lambda: [path for path in cache.glob("engines/*/det/*") if path.is_file()])
        (unfinished,) = cache.glob(f"engines/{inventory.IMPORT_PREFIX}*")
        assert inventory.stale_files(cache) == []
        assert inventory.cards(cache) == []
        assert import_engine(data, cache).new
        process.kill()
        process.wait()
        assert inventory.stale_files(cache) == [unfinished]
        assert inventory.remove_stale(unfinished)
    assert [path.name for path in (cache / "engines").iterdir() if path.is_dir()] == [engine.name]
