"""Real engines, compiled once per session."""

from __future__ import annotations

import pytest

from support.real_engine import Engine, engine


@pytest.fixture(scope="session")
def exact_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Nets in f32, for comparing steps rather than precisions."""
    return engine(tmp_path_factory.mktemp("f32"), "f32")


@pytest.fixture(scope="session")
def default_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Nets as a user gets them."""
    return engine(tmp_path_factory.mktemp("auto"), "auto")
