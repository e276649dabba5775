"""Shared by all tests: prints which interpreters run, gives them as fixtures."""

from __future__ import annotations

import signal

import pytest
from support import WANTED, Interpreter, find_pythons, python


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, and what ignores it hands that on to the programs it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    found = ", ".join(p.id for p in find_pythons())
    missing = [v for v in WANTED if python(v) is None]
    return f"target interpreters: {found}" + (f"; not found: {', '.join(missing)}" if missing else "")


@pytest.fixture(params=WANTED)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Each wanted Python in turn; skips those that this machine lacks."""
    found = python(request.param)
    if found is None:
        pytest.skip(f"no Python {request.param} on this machine")
    return found
