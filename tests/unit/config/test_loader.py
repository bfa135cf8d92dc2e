"""TOML to values: every problem at once, each with its file and key, and no way to break the reader."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
import tomli
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ocrspool.config import value_errors
from ocrspool.config.loader import exposed, load
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.errors import ConfigError
from ocrspool.spool.layout import STATES
from support.forked_code import as_nobody

EXAMPLE = Path(__file__).parents[3] / "config/ocrspool.toml"
MINIMAL = "[inbox.default]\nroot = 'spool'\n"


def written(folder: Path, text: str, **conf_d: str) -> Path:
    """Write a configuration and its conf.d; return its path."""
    path = folder / "ocrspool.toml"
    path.write_text(text, "utf-8")
    for name, more in conf_d.items():
        (folder / "conf.d").mkdir(exist_ok=True)
        (folder / "conf.d" / f"{name}.toml").write_text(more, "utf-8")
    return path


def problems(folder: Path, text: str, **conf_d: str) -> list[str]:
    """Return what is wrong with a configuration, without the path of its folder."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text, **conf_d))
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_the_example_holds_the_defaults() -> None:
    """config/ocrspool.toml says exactly what holds without it."""
    assert load(EXAMPLE) == Config()


def keys_of(section: type[BaseModel], prefix: str = "") -> set[str]:
    """Return every key of a section, tables within it written out with the name `default`."""
    found: set[str] = set()
    for name, field in section.model_fields.items():
        annotation: Any = field.annotation
        key = f"{prefix}{name}"
        if arguments := [
            each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)
        ]:
            found |= keys_of(arguments[0], f"{key}.default.")
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= keys_of(annotation, f"{key}.")
        else:
            found.add(key)
    return found


def test_the_example_mentions_every_key() -> None:
    """Nothing that can be set is left out; the five folders may stand in a comment, since a root replaces them."""
    text = EXAMPLE.read_text("utf-8")
    table = tomli.loads(text)
    flat = {
        ".".join(path)
        for section, keys in table.items()
        for path in (
            [(section, name, key) for name, inner in keys.items() for key in inner]
            if section in {"profile", "inbox"}
            else [(section, key) for key in keys]
        )
    }
    files = {f"cluster.{name}" for name in ("ca", "certificate", "key")}  # they go with a scheduler only
    in_comments = {f"inbox.default.{state}" for state in STATES} | files
    assert flat == keys_of(Config) - in_comments
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    assert all(re.search(rf"\b{state}\b", comments) for state in STATES)


def test_every_problem_at_once(tmp_path: Path) -> None:
    """One run tells everything: the file, the key, what is wrong, and what was meant."""
    found = problems(
        tmp_path,
        """
        [engine]
        runtme = "openvino"
        precision = "f8"
        [service]
        workers = 0
        stop_seconds = nan
        [inbox.scans]
        root = "scans"
        recursive = "perhaps"
        settle = 3
        [inbox.faxes]
        inbox = "in"
        [inbox."no good"]
        root = "x"
        """,
        later="[limits]\npages = 'many'\n[nonsense]\n",
    )
    assert sorted(found) == sorted(set(found))
    for expected in (
        r"ocrspool\.toml: engine\.runtme: unknown key; did you mean 'runtime'\?",
        r"ocrspool\.toml: engine\.precision: .*'auto', 'f32', 'bf16' or 'f16'; it is 'f8'",
        r"ocrspool\.toml: service\.workers: should be 1 or more; it is 0",
        r"ocrspool\.toml: service\.stop_seconds: .*finite number; it is nan",
        r"ocrspool\.toml: inbox\.scans\.recursive: should be true or false, .* it is 'perhaps'",
        r"ocrspool\.toml: inbox\.scans\.settle: unknown key; did you mean 'settle_seconds'\?",
        r"ocrspool\.toml: inbox\.faxes: give a root, .*missing: work, outbox, done, failed",
        r"ocrspool\.toml: inbox\.no good: should be a name: .* it is 'no good'",
        r"conf\.d/later\.toml: limits\.pages: .*whole number.*; it is 'many'",
        r"conf\.d/later\.toml: nonsense: unknown key; known here: paths, engine, service",
    ):
        assert sum(bool(re.fullmatch(f"{expected}.*", problem)) for problem in found) == 1, expected
    assert len(found) == 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[inbox.a]\nroot = 'x'\nprofile = 'b'", "there is no profile 'b'; there are: default"),
        ("[inbox]", "inbox: at least one is needed"),
        ("inbox = 3", "inbox: should be a table: [inbox]; it is 3"),
        ("[paths]\ncache = ''", "paths.cache: should name a folder"),
        ('[paths]\ncache = "a\\u0000b"', "paths.cache: should name a folder"),
        ("[limits]\npage_seconds = inf", "limits.page_seconds: should be a finite number; it is inf"),
        ("[inbox.a]\nroot = 'x'\noutbox_mode = '0777'", 'inbox.a.outbox_mode: should be "auto" or like "0640": read'),
        ("[inbox.a]\nroot = 'x'\noutbox_mode = '0044'", 'inbox.a.outbox_mode: should be "auto" or like "0640": read'),
        ("[inbox.a]\nroot = 'x'\noutbox_mode = 640", "inbox.a.outbox_mode: should be text in quotes; it is 640"),
        ("[service]\nbatch_pages = 65", "service.batch_pages: should be 64 or less; it is 65"),
        ("[limits]\npages = 0x" + "f" * 5000, "should be 1000000 or less; it is a number of thousands of digits"),
        (f"[engine]\nruntime = '{'x' * 500}'", "'openvino', 'onnxruntime', 'paddle' or 'tensorrt'; it is 'xxx"),
        ("a = " + "[" * 5000, "not TOML"),
        ("a = " + "9" * 5000, "not TOML"),
        (".".join("a" * 3000) + " = 1", "not TOML"),
        ("[engine", "not TOML"),
    ],
)  # fmt: skip
def test_one_problem(tmp_path: Path, text: str, problem: str) -> None:
    """A wrong value of any kind is told in a line."""
    (found,) = problems(tmp_path, text)
    assert found.startswith("ocrspool.toml: ")
    assert problem in found
    assert len(found) < 300


def test_every_unknown_profile(tmp_path: Path) -> None:
    """Two inboxes with profiles that are not there are both named."""
    text = "[inbox.a]\nroot = 'a'\nprofile = 'p'\n[inbox.b]\nroot = 'b'\nprofile = 'q'"
    found = " ".join(problems(tmp_path, text))
    assert "inbox.a.profile: there is no profile 'p'" in found
    assert "inbox.b.profile: there is no profile 'q'" in found


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is missing, a folder, or no UTF-8 is named, with all others."""
    (tmp_path / "conf.d/b.toml").mkdir(parents=True)
    (tmp_path / "conf.d/c.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml")
    assert [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "none.toml: there is no such file; --config names another",
        "conf.d/b.toml: Is a directory",
        "conf.d/c.toml: not UTF-8 text (byte 5)",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_that_this_user_may_not_read() -> None:
    """The user is named, not a number of the system."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "ocrspool.toml")
        path.write_text(MINIMAL, "utf-8")
        path.chmod(0o600)

        def told() -> list[str]:
            with pytest.raises(ConfigError) as caught:
                load(path)
            return caught.value.problems

        assert as_nobody(told) == [f"{path}: user nobody may not read it"]


def test_conf_d_in_order(tmp_path: Path) -> None:
    """Later names win, key by key; what they do not mention stays, and what is no *.toml is not read."""
    path = written(
        tmp_path,
        MINIMAL + "[service]\nworkers = 2\nattempts = 5\n[limits]\npages = 7",
        **{
            "20-b": "[service]\nworkers = 4",
            "10-a": "[service]\nworkers = 3\ndecoders = 9",
            "30-c": "[inbox.more]\nroot = 'more'",
        },
    )
    (tmp_path / "conf.d/99.toml.bak").write_text("nonsense", "utf-8")
    (tmp_path / "conf.d/.99.toml").write_text("nonsense", "utf-8")
    (tmp_path / "conf.d/.#20-b.toml").symlink_to("anna@host.4711:1700000000")  # Emacs locks a file so
    config = load(path)
    assert (config.service.workers, config.service.decoders, config.service.attempts) == (4, 9, 5)
    assert config.limits.pages == 7
    assert list(config.inbox) == ["default", "more"]


def test_relative_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are meant from the configuration's own place, wherever the program is started."""
    text = "[paths]\ncache = 'cache'\nruntime = '/run/x'\n[inbox.a]\nroot = 'spool'\nfailed = '../failed'"
    written(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    config = load(Path("ocrspool.toml"))
    assert (config.paths.cache, config.paths.runtime) == (tmp_path / "cache", Path("/run/x"))
    inbox = config.inbox["a"]
    assert inbox.folder("work") == tmp_path / "spool/work"
    assert inbox.folder("failed").resolve() == tmp_path.parent / "failed"
    assert all(inbox.folder(state).is_absolute() for state in STATES)


def test_inboxes_replace_the_default_one(tmp_path: Path) -> None:
    """Whoever names inboxes gets those and no other."""
    assert list(load(written(tmp_path, "[inbox.scans]\nroot = 'x'")).inbox) == ["scans"]
    assert load(written(tmp_path, "")).inbox == Config().inbox


def test_profiles(tmp_path: Path) -> None:
    """The profile named default is there even where others are given, and inboxes share what they name."""
    config = load(
        written(tmp_path, "[profile.fine]\ndpi = 400\n[inbox.a]\nroot = 'a'\nprofile = 'fine'\n[inbox.b]\nroot = 'b'")
    )
    assert config.profile_of("a").dpi == 400
    assert config.profile_of("b") == Profile()


def test_five_folders_without_a_root() -> None:
    """All five one by one do as well."""
    folders = {state: Path("/x") / state for state in STATES}
    inbox = Inbox.model_validate(folders)
    assert {state: inbox.folder(state) for state in STATES} == folders


@pytest.mark.parametrize("line", ["workers = true", 'workers = "3"', "stop_seconds = true", 'stop_seconds = "60"'])
def test_a_value_of_another_type(tmp_path: Path, line: str) -> None:
    """Nothing is taken for a number that is not written as one."""
    with pytest.raises(ConfigError, match=f"service.{line.partition(' ')[0]}: should be a .*number, without quotes"):
        load(written(tmp_path, f"[service]\n{line}\n[inbox.a]\nroot = 'a'"))


def test_modes(tmp_path: Path) -> None:
    """A mode is octal, as chmod(1) has it; without one the umask is to decide."""
    text = "[inbox.a]\nroot = 'a'\noutbox_mode = '0640'\n[inbox.b]\nroot = 'b'"
    inboxes = load(written(tmp_path, text)).inbox
    assert (inboxes["a"].delivery().mode, inboxes["b"].delivery().mode) == (0o640, None)


def test_values_cannot_be_changed() -> None:
    """What was checked stays as it was checked."""
    with pytest.raises(ValueError, match="frozen"):
        Config().service.workers = 2  # type: ignore[misc] # that is what is tested


def test_the_way_to_the_worker_and_back() -> None:
    """A worker gets the configuration as JSON, and has the very same one."""
    config = load(EXAMPLE)
    assert Config.model_validate(orjson.loads(orjson.dumps(config.model_dump(mode="json")))) == config


OF_EVERY_KIND = (
    "true", "3", "-1", "3.5", "nan", "inf", "1e300", "99999999999999999999", "''", "'x y'", '"\\u0000"', "'\u00e9'",
    "[]", "['x y']", "['']", "[3]", "[['a']]", '["\\u0000"]', "{}", "{x = 1}", "2026-01-01", "12:30:00",
)  # fmt: skip
FORBIDDEN = re.compile(
    r"tuple|dictionary|boolean|integer|[Ss]tring|pattern|valid|instance|[Ii]nput|datetime|class|pydantic|Errno"
    r"|\bTrue\b|\bFalse\b|\bNone\b|\(s\)|\^|\\d|equal to"
)
"""Words of a validation library, or of Python."""


def wrong_files() -> Iterator[str]:
    """Yield configurations with every kind of value for every key there is, and for every table."""
    for name, field in Config.model_fields.items():
        named = get_args(field.annotation)
        section: Any = named[1] if named else field.annotation
        table = f"{name}.default" if named else name
        for value in OF_EVERY_KIND:
            yield f"{name} = {value}"
            if named:
                yield f"[{name}]\ndefault = {value}"
            for key in section.model_fields:
                root = "root = 'x'\n" if name == "inbox" and key != "root" else ""
                yield f"[{table}]\n{root}{key} = {value}"
        if named:
            yield f"[{name}.'my scans']\n" + ("root = 'x'" if name == "inbox" else "")


def problems_of(path: Path) -> list[str]:
    """Return what is wrong with a configuration; nothing where it can be read."""
    try:
        load(path)
    except ConfigError as error:
        return [problem.removeprefix(f"{path}: ") for problem in error.problems]
    return []


def test_words_for_people(tmp_path: Path) -> None:
    """Whatever the wrong value, no word of the validation library gets through; one cause is one line."""
    said: dict[str, str] = {}
    for text in wrong_files():
        found = problems_of(written(tmp_path, text))
        assert len({problem.partition(": ")[0] for problem in found}) == len(found), (text, found)
        said.update({problem.partition(": ")[2]: text for problem in found})
    assert len(said) > 100
    assert {message: text for message, text in said.items() if FORBIDDEN.search(message)} == {}


def kinds_of(text: str) -> set[str]:
    """Return pydantic's names of all that is wrong with a configuration."""
    try:
        Config.model_validate(tomli.loads(text))
    except ValidationError as error:
        return {each["type"] for each in error.errors()}
    return set()


def test_every_kind_of_error_has_its_words() -> None:
    """Each kind that a wrong value can raise is in the table, and nothing else is."""
    kinds = set().union(*map(kinds_of, wrong_files()))
    own = {"value_error", "extra_forbidden", "string_pattern_mismatch"}
    assert kinds - own == set(value_errors._KINDS)


KEYS = st.sampled_from(sorted({part for key in keys_of(Config) for part in key.split(".")})) | st.text(max_size=8)
HUGE = "a number of 5,000 digits"
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.datetimes()
    | st.sampled_from(["auto", "default", "keep", "/x", "*", "\0", HUGE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def toml(value: object) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if value == HUGE:
        return "0x" + "f" * 5000
    if isinstance(value, str):
        escaped = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value)
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_or_refuse(*texts: bytes) -> list[str]:
    """Load a configuration and the files of its conf.d. Nothing but ConfigError may be raised: what it says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ocrspool.toml")
        Path(folder, "conf.d").mkdir()
        for number, text in enumerate(texts):
            (Path(folder, f"conf.d/{number}.toml") if number else path).write_bytes(text)
        found: list[str] = []
        try:
            assert load(path).inbox
        except ConfigError as error:
            found = error.problems or ["nothing is said"]
        assert all(problem.startswith(f"{folder}/") for problem in found), "no file is named"
        return [problem.removeprefix(f"{folder}/") for problem in found]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")))
@example(b"\xef\xbb\xbf[engine]")
@example(b"inbox = {a = {b = {c = 1}}}")
def test_any_text(text: bytes) -> None:
    """Whatever stands in the file, the reader says what is wrong with it."""
    load_or_refuse(text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), min_size=1, max_size=3))
@example([{"inbox": {"[key]": {"x": 1}}}])
@example([{"[key]": {}}])
@example([{"": []}, {"\x1b": 1}])
@example([{"inbox": {"a": {"root": "x"}}}, {"inbox": 3}, {"inbox": {"a": {"roots": 1}}}])
def test_any_tables(tables: list[dict[str, object]]) -> None:
    """Whatever valid TOML says of our keys, over several files, the reader says what is wrong with it."""
    texts = ["\n".join(f"{toml(key)} = {toml(value)}" for key, value in table.items()) for table in tables]
    keys = {"inbox", *(key if key and key.isprintable() else repr(key) for table in tables for key in table)}
    for problem in load_or_refuse(*(text.encode() for text in texts)):
        said = problem.partition(": ")[2]
        assert any(said.startswith((f"{key}.", f"{key}: ")) for key in keys), problem


def test_the_folder_of_the_file(tmp_path: Path) -> None:
    """A dot is the folder that the configuration is in, as scripts/run has it; nothing is no folder."""
    assert load(written(tmp_path, "[inbox.a]\nroot = '.'")).inbox["a"].folder("inbox") == tmp_path / "inbox"
    with pytest.raises(ConfigError, match=r"inbox\.a\.root: should name a folder"):
        load(written(tmp_path, "[inbox.a]\nroot = ''"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to others")
def test_files_that_others_may_write(tmp_path: Path) -> None:
    """Whoever writes a configuration chooses commands that are run as the service."""
    path = written(tmp_path, "", mine="")
    tmp_path.chmod(0o755)
    assert exposed(path) == []
    added = tmp_path / "conf.d/mine.toml"
    added.chmod(0o666)
    (said,) = exposed(path)
    assert said.startswith(f"{added}: everybody may write it")
    added.chmod(0o644)
    os.chown(added, 4711, 0)
    (said,) = exposed(path)
    assert said.startswith(f"{added}: its owner, user 4711, may write it")
    os.chown(added, 0, 4711)
    added.chmod(0o664)
    (tmp_path / "conf.d").chmod(0o777)
    assert [line.partition(" may ")[0] for line in exposed(path)] == [
        f"{tmp_path}/conf.d: everybody",
        f"{added}: group 4711",
    ]
