"""A threaded, allocating server with children of its own notices nothing of being snapshot under load."""

from __future__ import annotations

import pytest
from native.soak import complaints, soak
from support import python

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]


@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_the_server_notices_nothing(version: str) -> None:
    """No failed request, child, signal, thread, file or handler more; ``soak.py`` does the same a thousand times."""
    interpreter = python(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} here")
    found = soak(20, interpreter)
    assert found.walkers == {"native": 20}, found.warnings
    assert complaints(found) == []


def test_a_fork_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server does notice the fallback's fork: the test above can fail."""
    interpreter = python("3.13")  # without numpy: the fallback refuses to fork while OpenBLAS works
    if interpreter is None:
        pytest.skip("no Python 3.13 here")
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1")
    assert any("at-fork handler" in line or "SIGCHLD" in line for line in complaints(soak(3, interpreter)))
