"""The native walk's shared object, compiled anew with warnings as errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakkit.native import build


@pytest.fixture(scope="session")
def walk_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a ``_walk.so``."""
    if not build.compilers():
        pytest.skip("no C compiler")
    made = build.compile_part("walk", tmp_path_factory.mktemp("walk"), ["-Werror"])
    assert made is not None
    return made
