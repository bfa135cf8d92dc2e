"""`ocrspool engines` as people and scripts use it, with an engine that the real `prebuild` built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import drawn_pages
from support.cached_engines import held_elsewhere, made, tree
from support.daemon_process import COMMAND, NewDaemon, environment, ocrspool

pytestmark = pytest.mark.engine


@pytest.fixture
def cache(engine_cache: Path, tmp_path: Path) -> Path:
    """A copy of the built cache."""
    return Path(shutil.copytree(engine_cache, tmp_path / "cache"))


@pytest.fixture
def config(cache: Path) -> Path:
    """A configuration that wants the engine in that cache."""
    return config_for(cache)


def config_for(cache: Path, more: str = "", name: str = "ocrspool.toml") -> Path:
    path = cache.with_name(name)
    paths = f"[paths]\ncache = '{cache}'\nruntime = '{cache.with_name('run')}'\n"
    path.write_text(f"{paths}[inbox.default]\nroot = '{cache.with_name('spool')}'\n{more}", "utf-8")
    return path


def other_precision(cache: Path) -> tuple[Path, str]:
    """A configuration that wants another engine; how its precision differs."""
    have = json.loads((engine_in(cache) / "manifest.json").read_bytes())["identity"]["precision"]
    want = "f32" if have == "bf16" else "bf16"
    return config_for(cache, f"[engine]\nprecision = '{want}'\n", "other.toml"), f"precision: {have} → {want}"


def unknown(cache: Path) -> Path:
    """A configuration of which nobody can tell what engine it wants."""
    return config_for(cache, f"[engine]\nmodels = '{cache.with_name('nowhere')}'\n", "unknown.toml")


def engine_in(cache: Path) -> Path:
    """The folder of the engine that `prebuild` built."""
    (found,) = (path for path in cache.glob("engines/*/manifest.json") if b"openvino" in path.read_bytes())
    return found.parent


def engines(*arguments: str | Path, config: Path, code: int = 0) -> str:
    """Run the command; what it printed. Whatever goes wrong is said in plain words."""
    answer = ocrspool("engines", *arguments, "--config", config)
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout if code in {0, 69} and answer.stdout else answer.stderr


def listed(config: Path, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engines("ls", "--json", config=config, code=code))
    return found


def test_ls(cache: Path, config: Path) -> None:
    """The card of the engine that is wanted: what it is made of, for what, when, and where it lies."""
    folder = engine_in(cache)
    shown = engines("ls", config=config)
    told = json.loads((folder / "manifest.json").read_bytes())
    assert shown.splitlines()[0] == f"{folder.name}  wanted for cpu"
    for text in (
        f"openvino {told['identity']['runtime_version']}",
        told["identity"]["precision"],
        "PP-OCRv6_small_det, shapes 1x32x32x3",
        "PP-OCRv6_small_rec",
        f"{told['built_at']} by {told['built_by']}",
        os.fspath(folder),
    ):
        assert text in shown
    assert "\x1b" not in shown
    assert "differs" not in shown
    (card,) = listed(config)["engines"]
    assert (card["fingerprint"], card["state"], card["wanted_for"]) == (folder.name, "whole", ["cpu"])
    assert card["identity"] == told["identity"]
    assert card["size"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_ls_where_the_wanted_one_is_missing(cache: Path) -> None:
    """It says so, and what differs, and ends with 69; likewise where it cannot be told which one is wanted."""
    config, difference = other_precision(cache)
    shown = engines("ls", config=config, code=69)
    assert f"{engine_in(cache).name}  not wanted" in shown
    assert f"differs in   {difference}" in shown
    assert "wanted for cpu: no engine" in shown
    assert "ocrspool prebuild" in shown
    (want,) = listed(config, 69)["wanted"]
    assert difference in want["problem"]
    assert f"{engine_in(cache).name}  not wanted" in engines("ls", config=unknown(cache), code=69)
    (want,) = listed(unknown(cache), 69)["wanted"]
    assert (want["fingerprint"], bool(want["problem"])) == (None, True)


def test_ls_of_every_state(cache: Path, config: Path) -> None:
    """Leftovers, running builds, engines of other versions and damaged ones are told apart; control codes are shown."""
    names = ("leftover", "building", "other version", "damaged")
    states = {name: made(cache, name, device="\x1b[31mred") for name in names}
    (states["leftover"] / "manifest.json").unlink()
    (states["building"] / "manifest.json").unlink()
    for name, change in (("other version", {"schema": "ocrspool-engine/1"}), ("damaged", {"seconds": {"det": "long"}})):
        path = states[name] / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}), "utf-8")
    made(cache, "whole", device="\x1b[31mred")
    lock = cache / "engines" / f"{states['building'].name}.lock"
    with held_elsewhere(lock), held_elsewhere(states["damaged"] / "manifest.json", shared=True):
        cards = {card["fingerprint"]: card for card in listed(config)["engines"]}
        shown = engines("ls", config=config)
    assert {name: cards[folder.name]["state"] for name, folder in states.items()} == {name: name for name in states}
    assert [card["fingerprint"] for card in cards.values() if card["in_use"]] == [states["damaged"].name]
    assert f"{states['damaged'].name}  not wanted; damaged; in use by a running process" in shown
    assert f"{states['building'].name}  not wanted; being built now" in shown
    assert "\\x1b[31mred" in shown
    assert "\x1b" not in shown


def test_an_empty_cache(tmp_path: Path) -> None:
    """Nothing to tell, verify or clear away; nothing is made."""
    config = config_for(tmp_path / "cache")
    assert "there is no engine in" in engines("ls", config=config, code=69)
    assert "there is no engine in" in engines("verify", config=config)
    engines("gc", config=config)
    assert not (tmp_path / "cache").exists()


def test_verify(cache: Path, config: Path) -> None:
    """Sound is 0; a damaged engine is 69 and names every file; a name not there 66; leftovers are no engines."""
    folder = engine_in(cache)
    other = made(cache, "other")
    (made(cache, "aborted") / "manifest.json").unlink()
    assert sorted(engines("verify", config=config).splitlines()) == sorted(
        [f"{folder.name}: sound", f"{other.name}: sound"]
    )
    (other / "det/model.blob").write_bytes(b"x" * 3000)
    (other / "rec/model.blob").unlink()
    faults = "det/model.blob is altered: of the right size, but another SHA-256; rec/model.blob is missing"
    assert f"{other.name}: {faults}" in engines("verify", config=config, code=69)
    assert engines("verify", folder.name[:8], config=config) == f"{folder.name}: sound\n"
    told = json.loads(engines("verify", "--json", config=config, code=69))["engines"]
    assert {each["fingerprint"]: each["sound"] for each in told} == {folder.name: True, other.name: False}
    assert "no such engine" in engines("verify", "0123456789abcdef", config=config, code=66)


def test_gc(cache: Path, config: Path) -> None:
    """Of engines that nobody wants the newest stays; leftovers and stray locks go; the wanted one is not touched."""
    wanted = engine_in(cache)
    old, new = made(cache, "old", "2020-01-01"), made(cache, "new", "2020-01-02")
    (made(cache, "aborted") / "manifest.json").unlink()
    (cache / "engines" / f"{'0' * 16}.lock").touch()
    before = tree(cache)
    kept = tree(wanted), tree(new)
    planned = engines("gc", "--dry-run", config=config)
    assert tree(cache) == before
    done = engines("gc", config=config)
    assert planned.replace("would be ", "") == done
    assert f"{old.name}: removed" in done
    assert {path.name for path in (cache / "engines").iterdir() if path.is_dir()} == {wanted.name, new.name}
    assert (tree(wanted), tree(new)) == kept
    assert not (cache / "engines" / f"{'0' * 16}.lock").exists()
    engines("gc", "--keep", "0", config=config)
    assert {path.name for path in (cache / "engines").iterdir() if path.is_dir()} == {wanted.name}
    assert tree(wanted) == kept[0]
    assert "already there and sound" in ocrspool("prebuild", "--config", config).stdout


def test_gc_does_not_guess(cache: Path) -> None:
    """Where it cannot be told which engine is wanted nothing is removed, unless the ones to keep are named."""
    config, folder = unknown(cache), engine_in(cache)
    made(cache, "other")
    before = tree(cache)
    assert "nothing is removed" in engines("gc", "--keep", "0", config=config, code=69)
    assert tree(cache) == before
    engines("gc", "--keep", "0", "--fingerprint", "0123456789abcdef", config=config, code=66)
    assert tree(cache) == before
    engines("gc", "--keep", "0", "--fingerprint", folder.name, config=config)
    assert [path.name for path in (cache / "engines").iterdir() if path.is_dir()] == [folder.name]


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="there is an NVIDIA GPU here")
def test_gc_where_the_cpu_takes_a_gpus_place(cache: Path) -> None:
    """`serve` may use the CPU until the GPU is back; the GPU's engine is wanted all the same, so it has to be known."""
    made(cache, "the GPU's")
    before = tree(cache)
    more = "[engine]\nruntime = 'onnxruntime'\ndevices = ['gpu:0']\non_no_gpu = 'cpu'\n"
    said = engines("gc", "--keep", "0", config=config_for(cache, more, "gpu.toml"), code=69)
    assert "nothing is removed, because it is not known which engine is wanted for gpu:0: the NVIDIA driver" in said
    assert tree(cache) == before


def test_there_and_back(cache: Path, config: Path, tmp_path: Path, new_daemon: NewDaemon) -> None:
    """An exported engine, imported elsewhere, is the one wanted there: `serve` loads and proves it, and reads."""
    name = engine_in(cache).name
    file = tmp_path / "engine.tar"
    assert f"{name}: exported to {file}" in engines("export", name, file, config=config)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = config_for(tmp_path / "elsewhere" / "cache")
    said = engines("import", file, config=elsewhere)
    assert f"{name}: imported into" in said
    assert "it is the engine wanted for cpu" in said
    assert "already there and sound" in engines("import", file, config=elsewhere)
    daemon = new_daemon(cache=tmp_path / "elsewhere" / "cache")
    daemon.start()
    daemon.drop("far.png", drawn_pages.png("Far away"))
    assert drawn_pages.says(daemon.result("far.png"), "Far away")


def test_through_a_pipe(cache: Path, config: Path) -> None:
    """Standard output and input, as ssh has them; and what differs where another engine is wanted."""
    folder = engine_in(cache)
    export: list[str | Path] = [COMMAND, "engines", "export", folder.name, "-", "--config", config]
    data = subprocess.run(export, check=True, capture_output=True, env=environment()).stdout
    config, difference = other_precision(cache)
    before = tree(folder)
    shutil.rmtree(folder)
    take: list[str | Path] = [COMMAND, "engines", "import", "-", "--config", config]
    taken = subprocess.run(take, check=True, capture_output=True, env=environment(), input=data).stdout.decode()
    assert "it is not the engine wanted for cpu" in taken
    assert difference in taken
    assert tree(folder) == before
    cut = subprocess.run(take, check=False, capture_output=True, env=environment(), input=data[:-5000])
    assert cut.returncode == 69, "the whole file is looked at, although the engine is there"
    assert tree(folder) == before
    shutil.rmtree(folder)
    cut = subprocess.run(take, check=False, capture_output=True, env=environment(), input=data[:-5000])
    assert (cut.returncode, b"it is cut off" in cut.stderr) == (69, True)
    assert not folder.exists()


def test_export_of_a_damaged_engine(cache: Path, config: Path, tmp_path: Path) -> None:
    """It is refused, and neither a file nor half of one is left; one that was there before stays as it was."""
    other = made(cache, "other")
    (other / "rec/model.blob").write_bytes(b"x")
    file = tmp_path / "out" / "engine.tar"
    file.parent.mkdir()
    file.write_bytes(b"before")
    assert "rec/model.blob is altered" in engines("export", other.name, file, config=config, code=69)
    assert [(path.name, path.read_bytes()) for path in file.parent.iterdir()] == [("engine.tar", b"before")]
    (other / "manifest.json").unlink()
    assert "the leftover of an aborted build" in engines("export", other.name, file, config=config, code=69)


def test_default_name(cache: Path, config: Path, tmp_path: Path) -> None:
    """Without a name the file lies where the command ran, and is called after the engine."""
    other = made(cache, "other")
    command: list[str | Path] = [COMMAND, "engines", "export", other.name, "--config", config]
    subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=tmp_path)
    assert (tmp_path / f"ocrspool-engine-{other.name}.tar").stat().st_size % 512 == 0


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["export"], ["import"], ["gc", "--keep", "-1"], ["gc", "--keep", "x"]]
)
def test_wrong_usage(config: Path, arguments: list[str]) -> None:
    """Wrong usage is 64."""
    assert ocrspool("engines", *arguments, *(["--config", os.fspath(config)] if arguments else [])).returncode == 64


def test_no_such_file(config: Path, tmp_path: Path) -> None:
    """A file that is not there is 66."""
    assert "there is no file" in engines("import", tmp_path / "nothing.tar", config=config, code=66)


def test_gc_leaves_what_a_service_has_loaded(cache: Path, new_daemon: NewDaemon) -> None:
    """By another configuration of the same cache, which does not want that engine: it stays until the service ends."""
    folder = engine_in(cache)
    other, _ = other_precision(cache)
    daemon = new_daemon(cache=cache)
    daemon.start()
    (card,) = listed(other, 69)["engines"]
    assert card["in_use"]
    engines("gc", "--keep", "0", config=other)
    assert folder.exists()
    again = ocrspool("prebuild", "--config", daemon.config)
    assert "already there and sound" in again.stdout, "a build does not wait for the service"
    daemon.stop()
    engines("gc", "--keep", "0", config=other)
    assert not folder.exists()
