"""How the files of one job are delivered. A job keeps what was configured when its file was claimed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How the outputs of a job appear, and what becomes of its source."""

    delete: bool = False
    """Whether the source is removed in the end rather than kept in done/."""
    mode: int | None = None
    """Mode of the outputs, and with search permission of the folders made for them; None: as the umask has it."""
    mark: bool = False
    """Whether an empty file says that all outputs of a document are there."""


AS_DEFAULT = DeliveryOptions()
