"""The schemas that are published describe what is published: each is held against the real thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ocrspool.cli.json_schemas import schema_of
from ocrspool.cli.main import main
from ocrspool.errors import DocumentError
from ocrspool.spool.failure_reason import reason


def valid(what: str, found: object) -> None:
    jsonschema.Draft202012Validator(schema_of(what)).validate(found)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ocrspool.toml"
    paths = f"[paths]\ncache = '{tmp_path}/cache'\nruntime = '{tmp_path}/run'\n"
    path.write_text(f"{paths}[inbox.a]\nroot = '{tmp_path}/a'\n", "utf-8")
    return path


@pytest.mark.parametrize("what", ["result", "reason", "status", "doctor", "config"])
def test_each_is_a_schema(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints it, and it is valid by the draft that it names."""
    assert main(["schema", what]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("name", ["a.png", "\udcff.png"])
def test_a_reason(name: str) -> None:
    """As the pipeline writes it."""
    error = DocumentError("damaged", "it is damaged", "send it again", page=3)
    found = json.loads(json.dumps(reason(error, name, "scans", job="j1", attempts=2)))
    valid("reason", found)
    assert ("path_base64" in found["source"]) == (name != "a.png")
    with pytest.raises(jsonschema.ValidationError):
        valid("reason", {key: value for key, value in found.items() if key != "kind"})


def test_a_status(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a service, with a failed file."""
    failed = tmp_path / "a/failed"
    failed.mkdir(parents=True)
    (failed / "a.png").write_bytes(b"x")
    main(["status", "--json", "--config", str(config)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    valid("status", found)
    assert found["inboxes"]["a"]["failed"] == 1


def test_what_is_always_there_is_required() -> None:
    """As the manual promises: a program need not ask whether a key is there."""
    assert "outputs" in schema_of("result")["required"]
    assert "text_from" in schema_of("result")["$defs"]["Page"]["required"]
    status = schema_of("status")
    assert set(status["$defs"]["StatusSnapshot"]["properties"]) == set(status["$defs"]["StatusSnapshot"]["required"])


def test_each_has_a_name_of_its_own() -> None:
    """Programs that keep schemas find them by it."""
    assert len({schema_of(what)["$id"] for what in ("result", "reason", "status", "doctor")}) == 4


def test_a_doctor(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it finds on this machine."""
    main(["doctor", "--json", "--config", str(config)])
    found = json.loads(capsys.readouterr().out)
    valid("doctor", found)
    assert len(found["findings"]) > 5
