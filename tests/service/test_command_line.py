"""The installed command as people and scripts use it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

import ocrspool as package
from ocrspool.errors import Exit
from support import drawn_pages, sample_files
from support.daemon_process import COMMAND, NewDaemon, ocrspool
from support.drawn_pages import says


@pytest.fixture
def config(tmp_path: Path, engine_cache: Path) -> Path:
    """A sound configuration."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(f"[paths]\ncache = '{engine_cache}'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8")
    return path


def test_version() -> None:
    """--version prints name and version."""
    answer = ocrspool("--version")
    assert (answer.returncode, answer.stdout) == (0, f"ocrspool {package.__version__}\n")


def test_log_format(tmp_path: Path) -> None:
    """The command line wins over the configuration."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(
        "[log]\nformat = 'plain'\n[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n"
    )
    answer = ocrspool("serve", "--config", path, "--log-format", "json")
    assert answer.returncode == 69  # for there is no engine
    told = [json.loads(line) for line in answer.stderr.splitlines() if not line.startswith("ocrspool: ")]
    assert "stopped" in [record["message"] for record in told]


def test_help_names_every_command() -> None:
    """--help tells of each command and of the exit codes, and each command has help of its own."""
    answer = ocrspool("--help")
    assert answer.returncode == 0
    for command in ("serve", "prebuild", "check", "once", "status", "retry", "engines", "inbox", "doctor", "schema"):
        assert f"    {command} " in answer.stdout
        own = ocrspool(command, "--help")
        assert own.returncode == 0
        assert f"ocrspool {command}" in own.stdout
    assert "78 wrong configuration" in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [[], ["unknown"], ["serve", "--unknown"], ["once"], ["schema"], ["schema", "other"], ["retry"]],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage(config: Path, arguments: list[str]) -> None:
    """Wrong usage ends with 64, and says what would be right on standard error."""
    more = ["--config", str(config)] if arguments == ["retry"] else []
    answer = ocrspool(*arguments, *more)
    assert answer.returncode == 64
    assert answer.stdout == ""
    assert "ocrspool" in answer.stderr


def test_imports_nothing_heavy() -> None:
    """The command starts without any OCR or image library: those belong to its children."""
    code = "import sys, ocrspool.service, ocrspool.cli.main; print('\\n'.join(sys.modules))"
    python = COMMAND.with_name("python")
    found = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "cv2", "PIL", "openvino", "pypdfium2", "rapidocr"} & set(found)


def test_check(config: Path) -> None:
    """`check` of a sound configuration names its inboxes, ends with 0, and makes no folder."""
    answer = ocrspool("check", "--config", config)
    assert answer.returncode == 0, answer.stderr
    assert "inbox default" in answer.stdout
    assert not config.with_name("spool").exists()


def test_check_before_a_start(tmp_path: Path) -> None:
    """Of two inboxes one cannot be used: `check` fails, and `check --start` tells it, because the other can serve."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(
        "[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.a]\nroot = 'a'\n[inbox.b]\nroot = 'b'\n", "utf-8"
    )
    (tmp_path / "b").write_bytes(b"no folder")
    assert ocrspool("check", "--config", path).returncode == Exit.CONFIG
    answer = ocrspool("check", "--start", "--config", path)
    assert answer.returncode == 0
    assert f"{tmp_path}/b is not a folder" in answer.stderr
    assert "the service can start" in answer.stdout
    (tmp_path / "a").write_bytes(b"no folder either")
    assert ocrspool("check", "--start", "--config", path).returncode == Exit.CONFIG


def test_check_show(config: Path) -> None:
    """`check --show` prints the configuration in effect, as JSON that fits the schema of a configuration."""
    shown = json.loads(ocrspool("check", "--show", "--config", config).stdout)
    assert shown["inbox"]["default"]["root"] == str(config.with_name("spool"))
    assert shown["service"]["attempts"] == 3
    jsonschema.validate(shown, json.loads(ocrspool("schema", "config").stdout))


@pytest.mark.parametrize("command", ["check", "serve", "prebuild", "status"])
def test_every_problem_at_once(config: Path, command: str) -> None:
    """Each command that reads a faulty configuration lists all its problems, with file and key, and ends with 78."""
    extra = config.parent / "conf.d/faulty.toml"
    extra.parent.mkdir()
    extra.write_text("[engine]\nprecison = 'f32'\n[service]\nattempts = 'many'\n[inbox.other]\nroots = 'x'\n", "utf-8")
    answer = ocrspool(command, "--config", config)
    assert answer.returncode == 78
    for problem in (
        "engine.precison: unknown key; did you mean 'precision'?",
        "service.attempts: ",
        "inbox.other.roots: ",
    ):
        assert f"{extra}: {problem}" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("devices = ['gpu:0']", "engine: openvino runs on the cpu here, not on 'gpu:0'"),
        ("models = '/no/such/folder'", "engine.models: there is no folder /no/such/folder"),
        ("models = 'bundlet'", "engine.models: there are no models 'bundlet'"),
        ("runtime = 'paddle'", "engine.models: the bundled models are ONNX files"),
        ("runtime = 'onnxruntime'\nprecision = 'bf16'", "precision"),
    ],
)
def test_check_finds_what_could_not_start(config: Path, engine: str, said: str) -> None:
    """Models, runtime and device are looked at before a restart stops what works; each cause is one line."""
    with config.open("a") as file:
        file.write(f"[engine]\n{engine}\n")
    answer = ocrspool("check", "--config", config)
    assert answer.returncode == Exit.CONFIG, answer.stdout
    (problem,) = [line for line in answer.stderr.splitlines() if line.startswith("  ")]
    assert said in problem


def test_models_that_are_to_be_downloaded_are_no_problem(config: Path) -> None:
    """`prebuild` fetches them, so `check` says that all is well."""
    with config.open("a") as file:
        file.write("[engine]\nmodels = 'PP-OCRv5_server'\n")
    assert ocrspool("check", "--config", config).returncode == 0


def test_problems_of_folders(config: Path) -> None:
    """`check` finds folders that overlap and folders that cannot be, all at once."""
    (config.parent / "file").touch()
    with config.open("a") as file:
        file.write("[inbox.inner]\nroot = 'spool/inbox'\n[inbox.blocked]\nroot = 'file'\n")
    answer = ocrspool("check", "--config", config)
    assert answer.returncode == 78
    assert "inbox.default.inbox and inbox.inner.inbox overlap" in answer.stderr
    assert f"inbox.blocked: {config.parent}/file is not a folder" in answer.stderr


def test_no_configuration(tmp_path: Path) -> None:
    """A configuration file that is not there, is no TOML or no text is named, with 78."""
    assert str(tmp_path / "none.toml") in ocrspool("check", "--config", tmp_path / "none.toml").stderr
    for content, problem in ((b"[engine", "not TOML"), (b"\xff\xfe", "not UTF-8")):
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        answer = ocrspool("check", "--config", path)
        assert (answer.returncode, problem in answer.stderr) == (78, True), answer.stderr


@pytest.mark.parametrize("of", ["result", "config"])
def test_schemas(of: str) -> None:
    """`schema` prints a JSON Schema of draft 2020-12 that is one, and that refuses what does not fit."""
    schema = json.loads(ocrspool("schema", of).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"unknown": 1}, schema)


def test_broken_pipe() -> None:
    """A reader that goes away early (`| head -1`) causes no trace."""
    answer = subprocess.run(
        ["/bin/sh", "-c", f"'{COMMAND}' schema config | head -c 1"], capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr) == ("{", "")


def test_status_without_a_service(config: Path) -> None:
    """`status` without a service ends with 69, and still counts what lies in the folders."""
    for state, name in (("inbox", "a.png"), ("done", "b.png"), ("failed", "c.png")):
        path = config.with_name("spool") / state / name
        path.parent.mkdir(parents=True)
        path.touch()
    answer = ocrspool("status", "--json", "--config", config)
    assert answer.returncode == 69
    facts = json.loads(answer.stdout)
    assert facts["service"] is None
    counts = {state: facts["inboxes"]["default"][state] for state in ("inbox", "work", "outbox", "done", "failed")}
    assert counts == {"inbox": 1, "work": 0, "outbox": 0, "done": 1, "failed": 1}
    plain = ocrspool("status", "--config", config)
    assert plain.returncode == 69
    assert "not running" in plain.stdout


@pytest.mark.engine
def test_status_after_kill_9(new_daemon: NewDaemon) -> None:
    """A status file that a killed service left behind is not taken for a running service."""
    daemon = new_daemon()
    daemon.start()
    assert ocrspool("status", "--config", daemon.config).returncode == 0
    daemon.kill9()
    assert ocrspool("status", "--config", daemon.config).returncode == 69


@pytest.mark.engine
def test_second_daemon_on_one_spool(new_daemon: NewDaemon) -> None:
    """A second service on the same spool refuses with a clear message, and does not disturb the first."""
    first = new_daemon()
    first.start()
    status = first.folder / "run/status.json"
    before = json.loads(status.read_bytes())["pid"]
    second = ocrspool("serve", "--config", first.config)
    assert second.returncode not in {0, 70}
    assert f"another ocrspool is working on {first.spool / 'work'}" in second.stderr
    assert "Traceback" not in second.stderr
    assert json.loads(status.read_bytes())["pid"] == before == first.pid
    first.drop("still.png", drawn_pages.png("Still served"))
    assert says(first.result("still.png"), "Still served")


def stamps(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    """Content, time and mode of every file below a folder."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.engine
def test_once(config: Path, tmp_path: Path) -> None:
    """`once` reads files and trees, mirrors the tree, tells what failed with 65, and leaves the sources as they are."""
    tree, outbox = tmp_path / "tree", tmp_path / "results"
    (tree / "inner").mkdir(parents=True)
    (tree / "a.png").write_bytes(drawn_pages.png("Page a"))
    (tree / "inner/b.pdf").write_bytes(sample_files.pdf(2))
    (tree / "inner/broken.png").write_bytes(drawn_pages.png("broken")[:300])
    (tree / ".hidden.png").write_bytes(b"no image")
    (tree / "link.png").symlink_to("a.png")
    single = tmp_path / "single.jpg"
    single.write_bytes(sample_files.jpeg(drawn_pages.page("Page single")))
    os.utime(single, (1, 1))
    before = stamps(tree) | stamps(tmp_path)
    answer = ocrspool("once", "--config", config, "--outbox", outbox, tree, single)
    assert answer.returncode == 65
    assert "broken.png: The PNG image is damaged" in answer.stderr
    assert "3 of 4 files read, 4 pages, 1 failed" in answer.stdout
    made = {os.fspath(path.relative_to(outbox)) for path in outbox.rglob("*") if path.is_file()}
    assert made == {"a.png.json", "inner/b.pdf.json", "single.jpg.json"}
    results = {name: json.loads((outbox / name).read_bytes()) for name in made}
    assert says(results["a.png.json"], "Page a")
    assert says(results["single.jpg.json"], "Page single")
    schema = json.loads(ocrspool("schema", "result").stdout)
    for result in results.values():
        jsonschema.validate(result, schema)
    after = stamps(tree) | stamps(tmp_path)
    assert {path: after[path] for path in before} == before
    assert not config.with_name("spool").exists()


@pytest.mark.engine
def test_once_succeeds(config: Path, tmp_path: Path) -> None:
    """`once` ends with 0 when every file was read, and replaces the results of an earlier run."""
    outbox = tmp_path / "results"
    for text in ("First run", "Second run"):
        (tmp_path / "page.png").write_bytes(drawn_pages.png(text))
        answer = ocrspool("once", "--config", config, "--outbox", outbox, tmp_path / "page.png")
        assert answer.returncode == 0, answer.stderr
        assert says(json.loads((outbox / "page.png.json").read_bytes()), text)
    assert [path.name for path in outbox.iterdir()] == ["page.png.json"]


@pytest.mark.engine
def test_once_from_stdin_to_stdout(config: Path, tmp_path: Path) -> None:
    """`once -` is a filter: a file comes in, its result or one output goes out, and nothing else does."""
    page = tmp_path / "page.png"
    page.write_bytes(drawn_pages.png("Through a pipe"))
    said: list[str] = []
    for outputs in ([], ["--outputs", "txt"]):
        with page.open("rb") as source:
            answer = subprocess.run(
                [COMMAND, "once", "-", "--config", config, *outputs],
                stdin=source,
                check=False,
                capture_output=True,
                text=True,
                timeout=120,
            )
        assert answer.returncode == 0, answer.stderr
        said.append(answer.stdout)
    assert says(json.loads(said[0]), "Through a pipe")
    assert "Through a pipe" in said[1]
    named = ocrspool("once", page, "--config", config)
    assert json.loads(named.stdout)["source"]["name"] == "page.png"
    assert ocrspool("once", page, page, "--config", config).returncode == Exit.USAGE
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(page.read_bytes()[:100])
    failed = ocrspool("once", damaged, "--config", config)
    assert (failed.returncode, failed.stdout) == (Exit.DATA, "")
    assert "damaged.png: " in failed.stderr


def test_once_without_a_home(tmp_path: Path) -> None:
    """A user who can keep no engine is told so in a sentence, with what to set."""
    page = tmp_path / "page.pgm"
    page.write_bytes(b"P5 8 8 255\n" + bytes(64))
    (tmp_path / "file").touch()
    answer = ocrspool("once", page, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert answer.returncode == Exit.CANT_CREATE, answer.stderr
    assert "cannot make" in answer.stderr
    assert "set XDG_CACHE_HOME" in answer.stderr


def test_once_same_names(config: Path, tmp_path: Path) -> None:
    """Two files of one name from two folders give two results."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.png").write_bytes(drawn_pages.png(f"Page {folder}"))
    outbox = tmp_path / "results"
    answer = ocrspool("once", "--config", config, "--outbox", outbox, tmp_path / "one", tmp_path / "two")
    assert answer.returncode == 0, answer.stderr
    texts = {json.loads(path.read_bytes())["text"] for path in outbox.iterdir()}
    assert texts == {"Page one", "Page two"}


def test_once_refuses(config: Path, tmp_path: Path) -> None:
    """`once` ends with 66 for a path that is not there or a tree without files, 78 for an unknown profile."""
    (tmp_path / "empty").mkdir()
    missing = ocrspool("once", "--config", config, "--outbox", tmp_path / "out", tmp_path / "missing.png")
    assert (missing.returncode, "missing.png" in missing.stderr) == (66, True)
    assert ocrspool("once", "--config", config, "--outbox", tmp_path / "out", tmp_path / "empty").returncode == 66
    profile = ocrspool("once", "--config", config, "--profile", "none", "--outbox", tmp_path / "out", tmp_path)
    assert (profile.returncode, "'none'" in profile.stderr) == (78, True)


@pytest.mark.engine
def test_once_without_an_engine(tmp_path: Path) -> None:
    """`once` with a configuration that forbids building ends with 69 and names what to do."""
    config = tmp_path / "ocrspool.toml"
    config.write_text("[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8")
    (tmp_path / "page.pgm").write_bytes(drawn_pages.tiny(1))
    answer = ocrspool("once", "--config", config, "--outbox", tmp_path / "out", tmp_path / "page.pgm")
    assert answer.returncode == 69
    assert "ocrspool prebuild" in answer.stderr


@pytest.mark.engine
def test_once_without_a_configuration(tmp_path: Path) -> None:
    """`once` alone is enough: the engine is built in the user's cache the first time, and found there the second."""
    page = tmp_path / "page.png"
    page.write_bytes(drawn_pages.png("No configuration"))
    for built in (True, False):
        answer = ocrspool("once", "--outbox", tmp_path / "out", page, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert answer.returncode == 0, answer.stderr
        assert bool(re.search(r"building \w+ engine", answer.stderr)) is built
    assert says(json.loads((tmp_path / "out/page.png.json").read_bytes()), "No configuration")
    assert list((tmp_path / "cache/ocrspool/engines").glob("*/manifest.json"))


def test_once_into_an_impossible_outbox(config: Path, tmp_path: Path) -> None:
    """`once` that cannot write its results ends at once and says so, rather than waiting for a better disk."""
    (tmp_path / "file").touch()
    (tmp_path / "page.pgm").write_bytes(drawn_pages.tiny(1))
    answer = ocrspool("once", "--config", config, "--outbox", tmp_path / "file/out", tmp_path / "page.pgm", seconds=60)
    assert answer.returncode in {73, 74}
    assert str(tmp_path / "file") in answer.stderr
    assert "Traceback" not in answer.stderr
