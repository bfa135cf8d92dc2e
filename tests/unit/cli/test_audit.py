"""`status --audit`: what it prints, for people and programs, and its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.cli.main import main
from ocrspool.errors import Exit
from ocrspool.pages import Notice
from ocrspool.render.json import render
from ocrspool.spool.layout import STATES
from support import sample_documents

ODD = "\x1b[31m[bold]\udcff\n.json"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two inboxes, with all their folders."""
    for name in ("a", "b"):
        for state in STATES:
            (tmp_path / name / state).mkdir(parents=True)
    path = tmp_path / "ocrspool.toml"
    path.write_text("[inbox.a]\nroot = 'a'\n[inbox.b]\nroot = 'b'\nexclude = ['*.txt']\n", "utf-8")
    return path


def test_all_is_well(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each inbox has its numbers and a verdict; files that its rules exclude do not count."""
    for name in ("a", "b"):
        (config.parent / name / "inbox/x.txt").write_bytes(b"x")
    assert main(["status", "--audit", "--config", str(config)]) == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "inbox a: 1 inbox, 0 work, 0 outbox, 0 done, 0 failed",
        "  1 file, each in one place",
        "inbox b: 0 inbox, 0 work, 0 outbox, 0 done, 0 failed",
        "  0 files, each in one place",
    ]


def test_findings_and_repair(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names are escaped, what would be done is said; then it is done, and said to have been done."""
    arguments = ["status", "--audit", "--config", str(config)]
    (config.parent / "b/work" / ODD).write_bytes(b"x")
    assert main(arguments) == Exit.DATA
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert f"  orphan  {config.parent}/b/work/\\x1b[31m[bold]\\xff\\n.json" in shown.splitlines()
    assert "    → --repair moves it to failed/, with a reason beside it" in shown.splitlines()
    assert "  1 finding" in shown.splitlines()
    assert main([*arguments, "--repair"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "repaired" in shown
    assert (config.parent / "b/failed" / ODD).read_bytes() == b"x"


def test_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON, names exact."""
    (config.parent / "a/outbox" / ODD).write_bytes(b"x")
    assert main(["status", "--audit", "--json", "--config", str(config)]) == Exit.DATA
    facts = json.loads(capsys.readouterr().out)["inboxes"]
    (finding,) = facts["a"]["findings"]
    assert finding["kind"] == "damaged-result"
    assert finding["path_base64"]
    assert facts["b"] == {
        "busy": False,
        "counts": dict.fromkeys(STATES, 0),
        "unclaimable": 0,
        "findings": [],
        "notes": [],
        "with_warnings": 0,
        "warnings": {},
        "verdict": "0 files, each in one place",
        "repaired": [],
    }


def test_results_with_warnings(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are counted always and named when that is wanted, and are no findings."""
    arguments = ["status", "--audit", "--config", str(config)]
    document = sample_documents.document(sample_documents.page())
    codes = (("unread-script", 1), ("reduced", 1), ("reduced", 2))
    notices = tuple(Notice(code, "x", page) for code, page in codes)
    for name, warnings in (("plain", ()), ("both", notices), ("one", notices[1:])):
        result = render(replace(document, warnings=warnings))
        (config.parent / f"a/outbox/{name}.json").write_bytes(result)
    assert main(arguments) == Exit.OK
    shown = capsys.readouterr().out.splitlines()
    assert "  2 results with warnings (reduced 2, unread-script 1); --warnings names them" in shown
    assert main([*arguments, "--warnings"]) == Exit.OK
    shown = capsys.readouterr().out.splitlines()
    assert f"  reduced, unread-script  {config.parent}/a/outbox/both.json" in shown
    assert f"  reduced  {config.parent}/a/outbox/one.json" in shown
    assert not any("plain" in line for line in shown)
    assert main([*arguments, "--warnings", "--json"]) == Exit.OK
    facts = json.loads(capsys.readouterr().out)["inboxes"]["a"]
    assert (facts["with_warnings"], facts["warnings"]) == (2, {"reduced": 2, "unread-script": 1})
    assert [result["codes"] for result in facts["results_with_warnings"]] == [["reduced", "unread-script"], ["reduced"]]


@pytest.mark.parametrize("option", ["--repair", "--thorough", "--warnings"])
def test_options_of_the_audit_alone(config: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who forgets --audit is told."""
    assert main(["status", option, "--config", str(config)]) == Exit.USAGE
    assert "need --audit" in capsys.readouterr().err
