"""Tesseract's data as a reader of the engine: `engine.readers.NAME = "tesseract:vie"`. Tesseract itself is not loaded.

    tesseract:vie             the data that a package of the distribution has installed
    tesseract:deu+Fraktur     two, of which Tesseract takes for each word what reads it better
    tesseract:/srv/data:vie   the data in a folder

One language is one file, <language>.traineddata. A file whose name begins with a capital is made for a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ocrspool.engine.runtimes.installed_packages import distributions
from ocrspool.engine.spec import ReaderSpec
from ocrspool.errors import ConfigError
from ocrspool.machine import installation

PREFIX = "tesseract:"
_PACKAGE = "tesserocr"
_EXTRA = "tesseract"
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PLACES = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/share/tesseract/tessdata")
"""Where distributions have it: Debian (by the version of the format), Arch, Fedora."""
_SCRIPTS = {
    "Arabic": "arab", "Armenian": "armn", "Bengali": "beng", "Canadian_Aboriginal": "cans", "Cherokee": "cher",
    "Cyrillic": "cyrl", "Devanagari": "deva", "Ethiopic": "ethi", "Fraktur": "frak", "Georgian": "geor",
    "Greek": "grek", "Gujarati": "gujr", "Gurmukhi": "guru", "Hangul": "hang", "Hangul_vert": "hang-vert",
    "HanS": "hans", "HanS_vert": "hans-vert", "HanT": "hant", "HanT_vert": "hant-vert", "Hebrew": "hebr",
    "Japanese": "jpan", "Japanese_vert": "jpan-vert", "Khmer": "khmr", "Kannada": "knda", "Lao": "laoo",
    "Latin": "latn", "Malayalam": "mlym", "Myanmar": "mymr", "Oriya": "orya", "Sinhala": "sinh", "Syriac": "syrc",
    "Tamil": "taml", "Telugu": "telu", "Thaana": "thaa", "Thai": "thai", "Tibetan": "tibt", "Vietnamese": "viet",
}  # fmt: skip
"""Data of scripts, and the end of the name of its package in Debian."""


def is_tesseract(choice: str) -> bool:
    """Return whether a choice in `engine.readers` asks for Tesseract."""
    return choice.startswith(PREFIX)


def find(name: str, choice: str, places: Iterable[str] = _PLACES) -> ReaderSpec:
    """Return the reader that `engine.readers.NAME = choice` asks for; `places` are patterns of folders, the best first.

    Raise ConfigError where the choice makes no sense, and where data or the library is not installed: `prebuild` gets
    neither.
    """
    folder, languages = _parsed(name, choice)
    folders = [folder] if folder else _folders(places)
    files = [_file(language, folders) for language in languages]
    if missing := [language for language, file in zip(languages, files, strict=True) if file is None]:
        raise _missing(name, missing, folder, folders)
    found = [file for file in files if file is not None]
    if len({file.parent for file in found}) > 1:
        raise ConfigError(
            [f"engine.readers.{name}: {' and '.join(map(str, found))} are not in one folder"],
            "put both into one folder, and name it: tesseract:/folder:" + "+".join(languages),
        )
    version = distributions(_PACKAGE).get(_PACKAGE)
    if version is None:
        raise ConfigError(
            [f"engine.readers.{name}: the Python package {_PACKAGE}, which brings Tesseract, is not installed"],
            installation.find().add(_EXTRA),
        )
    return ReaderSpec(name, choice, tuple(found), facts=((_PACKAGE, version),), languages=tuple(languages))


def package(language: str) -> str:
    """Return the name of the Debian package that has this data."""
    script = _SCRIPTS.get(language)
    return f"tesseract-ocr-script-{script}" if script else f"tesseract-ocr-{language.lower().replace('_', '-')}"


def _parsed(name: str, choice: str) -> tuple[Path | None, list[str]]:
    """Return the folder, None where none is named, and the languages. Raise ConfigError."""
    before, _, after = choice.removeprefix(PREFIX).rpartition(":")
    languages = after.split("+")
    if (before and not before.startswith("/")) or not all(map(_LANGUAGE.fullmatch, languages)):
        raise ConfigError(
            [f"engine.readers.{name}: {choice!r} names no data of Tesseract"],
            "write tesseract:vie, or tesseract:deu+Fraktur, or tesseract:/a/folder:vie, "
            "where <folder>/vie.traineddata is a file",
        )
    folder = Path(before) if before else None
    if folder and not folder.is_dir():
        raise ConfigError([f"engine.readers.{name}: there is no folder {folder}"], "create it, or correct the path")
    return folder, languages


def _folders(places: Iterable[str]) -> list[Path]:
    """Return the folders that are there; of several versions the newest first."""
    return [
        folder
        for place in places
        for folder in sorted(Path("/").glob(place.removeprefix("/")), reverse=True)
        if folder.is_dir()
    ]


def _file(language: str, folders: Iterable[Path]) -> Path | None:
    files = (folder / f"{language}.traineddata" for folder in folders)
    return next((file for file in files if file.is_file()), None)


def _missing(name: str, languages: list[str], folder: Path | None, folders: list[Path]) -> ConfigError:
    """Return what is not there, and what to do, as an error."""
    files = ", ".join(f"{language}.traineddata" for language in languages)
    where = " or ".join(map(str, folders)) if folders else "any folder of the system's"
    message = f"engine.readers.{name}: {files} {'is' if len(languages) == 1 else 'are'} not in {where}"
    packages = " ".join(map(package, languages))
    if folder:
        return ConfigError([message], f"put it there, or install {packages} and leave the folder out")
    return ConfigError([message], f"install it: on Debian and Ubuntu, sudo apt-get install {packages}")
