"""The copyright file of the package: our own licence, and that of each library in it, as its metadata says.

The full texts lie beside the libraries, where pip has put them: the file says where.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

_OURS = """\
ocrspool: files dropped into watched folders come out as JSON OCR results.

Copyright 2026 the authors of ocrspool
License: Apache-2.0, whose text is in /usr/share/common-licenses/Apache-2.0

The models of text detection, recognition and orientation (PP-OCRv6 small, in the folder of rapidocr; PP-OCRv6 tiny, in
the folder ocrspool_models):
Copyright: the PaddlePaddle authors
License: Apache-2.0

The completions for bash, zsh and fish are made by shtab, and parts of their text are shtab's:
Copyright: the shtab developers
License: MPL-2.0, whose text is in /usr/share/common-licenses/MPL-2.0

The package also holds these libraries, unchanged, each under its own licence. What they hold of others in turn is told
in the files that are named.
"""

_WORDS = ("LICEN", "COPYING", "NOTICE", "THIRD")
"""One of these is in the path of each file that holds licences, and in few others."""


def described(site_packages: Path, shown_at: str) -> str:
    """Return the whole file, of the libraries in this folder, which the reader will find at another place."""
    found = sorted(distributions(path=[str(site_packages)]), key=lambda each: each.name.lower())
    return "\n".join((_OURS, *(_one(each, site_packages, shown_at) for each in found if each.name != "ocrspool")))


def _one(library: Distribution, site_packages: Path, shown_at: str) -> str:
    texts = [f"  {shown_at}/{path.relative_to(site_packages)}" for path in _texts(library)]
    lines = [f"{library.name} {library.version}", f"  License: {_license(library)}", *texts]
    return "\n".join(lines) + "\n"


def _license(library: Distribution) -> str:
    """Return the licence in a few words: a field of the metadata, or its classifiers."""
    metadata = library.metadata
    said = next((metadata[field] for field in ("License-Expression", "License") if field in metadata), "")
    if said and "\n" not in said and said != "UNKNOWN":
        return said
    named = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if each.startswith("License")]
    return ", ".join(named) or said.partition("\n")[0] or "see its texts"


def _texts(library: Distribution) -> Iterator[Path]:
    """Yield the files that hold its licence and those of its parts."""
    for file in library.files or ():
        path = Path(str(library.locate_file(file)))
        is_text = file.suffix in {"", ".txt", ".md", ".rst"}
        if is_text and any(word in str(file).upper() for word in _WORDS) and path.is_file():
            yield path


if __name__ == "__main__":
    sys.stdout.write(described(Path(sys.argv[1]), sys.argv[2]))
