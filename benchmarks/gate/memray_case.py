"""The scenario of ``LEAKKIT_BENCH_SUBJECT`` as a test for pytest-memray, as its documentation advises: in a loop."""

from __future__ import annotations

import os

import pytest
from detectors import CALLS, resolve


@pytest.mark.limit_leaks("5 KB")
def test_scenario() -> None:
    function = resolve(os.environ["LEAKKIT_BENCH_SUBJECT"])
    for _ in range(CALLS):
        function()
