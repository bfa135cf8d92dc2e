"""Names of any bytes: shown safely, lengthened within NAME_MAX, never leading out of their folder."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ocrspool.files import names

PARTS = (
    st.binary(min_size=1, max_size=names.MOST_BYTES)
    .filter(lambda raw: not set(raw) & set(b"/\0") and raw not in {b".", b".."})
    .map(os.fsdecode)
)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
LONG = st.integers(200, names.MOST_BYTES).map(lambda count: "n" * count)


def size(name: str) -> int:
    """Bytes of the last part."""
    return len(os.fsencode(PurePosixPath(name).name))


@given(NAMES)
@example("\udcff\x1b[31m.png")
@example("a\\xff.png")
def test_json_names_exactly_the_same_file(name: str) -> None:
    """Whatever the bytes of a name, its JSON leads back to them, through real JSON text in UTF-8."""
    text = json.dumps(names.to_json(name), ensure_ascii=False).encode("utf-8")
    assert names.from_json(json.loads(text)) == name


@given(st.text() | st.binary().map(os.fsdecode))
@example("a message out of JSON: \ud800")
@example("a\nb\x1b]0;x\x07\u202egnp.\x9b")
def test_printable_is_one_harmless_line(name: str) -> None:
    """No control character, no line break, no direction override of a name or message reaches a log or a terminal."""
    shown = names.printable(name)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert shown.splitlines() in ([shown], [])


@given(NAMES, st.sampled_from([".json", ".reason.json"]), st.sampled_from(["", "0123abcd", "f" * 64]))
def test_with_suffix_stays_a_name(name: str, suffix: str, tag: str) -> None:
    """A lengthened name fits, keeps its folder and its ending, and is kept whole where there is room."""
    longer = names.with_suffix(name, suffix, tag)
    assert size(longer) <= names.MOST_BYTES
    assert longer.endswith((f"~{tag}" if tag else "") + suffix)
    assert longer.rpartition("/")[0] == name.rpartition("/")[0]
    if size(name) + len(suffix) + len(tag) < names.MOST_BYTES:
        assert longer.startswith(name)


@given(PARTS, PARTS, LONG)
def test_long_names_with_a_common_prefix_do_not_collide(one: str, other: str, prefix: str) -> None:
    """Cutting off what tells two names apart does not make them one."""
    first, second = prefix[: names.MOST_BYTES - size(one)] + one, prefix[: names.MOST_BYTES - size(other)] + other
    assume(first != second)
    assert names.with_suffix(first, ".json") != names.with_suffix(second, ".json")


@given(NAMES, st.sampled_from(["2", "20260101T000000-0123abcd"]))
def test_tagged_stays_a_name_of_its_kind(name: str, tag: str) -> None:
    """A tagged name fits, carries the tag, and keeps the suffix by which people and programs know its kind."""
    tagged = names.tagged(name, tag)
    assert size(tagged) <= names.MOST_BYTES
    assert f"~{tag}" in tagged
    assert tagged.rpartition("/")[0] == name.rpartition("/")[0]
    if len(os.fsencode(suffix := PurePosixPath(name).suffix)) < 100:
        assert tagged.endswith(f"~{tag}{suffix}")


def test_tagged_of_a_plain_name() -> None:
    """The tag stands before the suffix of the last part."""
    assert names.tagged("sub.d/a.tar.png", "2") == "sub.d/a.tar~2.png"
    assert names.tagged("README", "2") == "README~2"


@pytest.mark.parametrize("character", ["ä", "€", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_cuts_between_characters(character: str, shift: int) -> None:
    """A name in UTF-8 is still UTF-8 after it has been cut, wherever the limit falls."""
    name = "x" * shift + character * ((names.MOST_BYTES - shift) // len(character.encode()))
    for cut in (names.with_suffix(name, ".json"), names.tagged(name, "20260101T000000-0123abcd")):
        os.fsencode(cut).decode("utf-8")
        assert names.MOST_BYTES - 4 < size(cut) <= names.MOST_BYTES


def test_a_name_without_any_place_to_cut() -> None:
    """255 continuation bytes have no boundary to cut at: names that fit come out nevertheless."""
    name = os.fsdecode(b"\x80" * names.MOST_BYTES)
    assert 0 < size(names.with_suffix(name, ".json")) <= names.MOST_BYTES
    assert 0 < size(names.tagged(name, "2")) <= names.MOST_BYTES


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "../a", "a/..", "a/../b", "/etc/passwd", "a//b", "a/", "a/./b", "a\0b", "\ud800", 3, None, ["a"]],
)
def test_from_json_refuses_what_leaves_its_folder(path: object) -> None:
    """A reason file edited by hand, or by a rogue, cannot name a file outside, nor one that cannot be."""
    assert names.from_json({"path": path}) == ""


@pytest.mark.parametrize("exact", ["Li4vYQ==", "L2V0Yw==", "AA==", "YQ", "ä", "*", ""])
def test_from_json_trusts_base64_no_more(exact: str) -> None:
    """Exact bytes that lead out, hold a NUL or are damaged are refused, whatever `path` says beside them."""
    assert names.from_json({"path": "a.png", "path_base64": exact}) == ""


@given(st.dictionaries(st.sampled_from(["path", "path_base64", "x"]), st.none() | st.integers() | st.text()))
def test_from_json_takes_anything(fields: dict[str, object]) -> None:
    """Any JSON object gives a usable name or none."""
    name = names.from_json(fields)
    assert b"\0" not in os.fsencode(name)
    assert not name or not {"", ".", ".."} & set(name.split("/"))
