"""Every test of the heap runs twice: on the compiled kernels and on numpy."""

from __future__ import annotations

import pytest

from leakkit import native


@pytest.fixture(params=["native", "plain"], autouse=True)
def kernels_in_use(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1")
    elif not native.loaded():
        pytest.skip(f"no compiled kernels: {native.why_not()}")
    return request.param
