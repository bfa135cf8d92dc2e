"""Which data of Tesseract a reader gets, and what people are told where it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.engine.models import tesseract_data
from ocrspool.engine.models.tesseract_data import find, package
from ocrspool.errors import ConfigError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a distribution has it, of two versions; and a library, whether it is installed here or not."""
    for version, languages in (("4", ("vie", "deu")), ("5", ("vie", "Fraktur", "deu"))):
        folder = tmp_path / version / "tessdata"
        folder.mkdir(parents=True)
        for language in languages:
            (folder / f"{language}.traineddata").write_bytes(b"data")
    monkeypatch.setattr(tesseract_data, "distributions", lambda *names: dict.fromkeys(names, "2.13.0"))
    return tmp_path


def _places(data: Path) -> tuple[str, ...]:
    return (f"{data}/*/tessdata", f"{data}/nowhere")


def test_data_of_the_distribution_is_found(data: Path) -> None:
    """That of the newest version; and the library's version is a part of what the engine is."""
    spec = find("viet", "tesseract:vie", _places(data))
    assert (spec.name, spec.model, spec.net) == ("viet", "tesseract:vie", None)
    assert spec.files == (data / "5/tessdata/vie.traineddata",)
    assert spec.facts == (("tesserocr", "2.13.0"),)
    assert spec.languages == ("vie",)


def test_two_languages_are_one_reader(data: Path) -> None:
    spec = find("old", "tesseract:deu+Fraktur", _places(data))
    assert [file.name for file in spec.files] == ["deu.traineddata", "Fraktur.traineddata"]


def test_a_folder_may_be_named(data: Path) -> None:
    spec = find("viet", f"tesseract:{data}/4/tessdata:vie", ())
    assert spec.files == (data / "4/tessdata/vie.traineddata",)


@pytest.mark.parametrize(
    "choice",
    ["tesseract:", "tesseract:vie+", "tesseract:../vie", "tesseract:vie deu", "tesseract:data:vie", "tesseract:5"],
)
def test_nonsense_is_refused_with_what_to_write(data: Path, choice: str) -> None:
    with pytest.raises(ConfigError) as raised:
        find("viet", choice, _places(data))
    assert "engine.readers.viet" in raised.value.message
    assert "tesseract:vie" in raised.value.hint


def test_a_folder_that_is_not_there_is_refused(data: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        find("viet", f"tesseract:{data}/6:vie", _places(data))


def test_missing_data_is_told_with_its_package(data: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        find("asia", "tesseract:tha+chi_sim+Thai+vie", _places(data))
    assert "tha.traineddata, chi_sim.traineddata, Thai.traineddata are not in" in raised.value.message
    assert raised.value.hint.endswith(
        "apt-get install tesseract-ocr-tha tesseract-ocr-chi-sim tesseract-ocr-script-thai"
    )


def test_data_missing_in_a_named_folder_may_be_put_there(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"tha\.traineddata is not in") as raised:
        find("thai", f"tesseract:{data}/5/tessdata:tha", _places(data))
    assert "put it there" in raised.value.hint


def test_no_data_at_all_is_told(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"vie\.traineddata is not in any folder of the system's"):
        find("viet", "tesseract:vie", (f"{data}/none",))


def test_data_in_two_places_cannot_be_one_reader(data: Path) -> None:
    (data / "5/tessdata/deu.traineddata").unlink()
    with pytest.raises(ConfigError, match="are not in one folder"):
        find("old", "tesseract:deu+Fraktur", _places(data))


def test_the_library_may_be_missing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract_data, "distributions", lambda *_: {})
    with pytest.raises(ConfigError, match="tesserocr, which brings Tesseract, is not installed") as raised:
        find("viet", "tesseract:vie", _places(data))
    assert "tesseract" in raised.value.hint


def test_packages_are_named_as_debian_names_them() -> None:
    """apt-cache search tesseract-ocr."""
    names = {"vie": "vie", "chi_tra_vert": "chi-tra-vert", "Latin": "script-latn", "HanS_vert": "script-hans-vert"}
    assert {language: package(language).removeprefix("tesseract-ocr-") for language in names} == names
