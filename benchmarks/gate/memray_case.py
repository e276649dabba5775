"""The scenario of ``LEAKKIT_BENCH_SUBJECT`` as a test for pytest-memray, in a loop as its documentation advises.

It is imported and warmed up outside of the tracked test, as for the other detectors.
"""

from __future__ import annotations

import os

import pytest
from detectors import CALLS, resolve

FUNCTION = resolve(os.environ["LEAKKIT_BENCH_SUBJECT"])


@pytest.fixture(autouse=True)
def warm() -> None:
    for _ in range(10):
        FUNCTION()


@pytest.mark.limit_leaks("5 KB")
def test_scenario() -> None:
    for _ in range(CALLS):
        FUNCTION()
