"""Durations on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakkit.commands._durations import format_duration, parse_duration
from leakkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("2m", 120), ("500ms", 0.5), ("1h", 3600), ("1m30s", 90), ("1.5s", 1.5), ("15", 15), (" 2 m ", 120), ("10S", 10)]
)
def test_parses(text: str, seconds: float) -> None:
    """Units, joined parts, bare seconds."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "10x", "-5s", "0", "0s", "s", "1e400", "nan", "inf", "5 s x", "9" * 400 + "h"])
def test_refuses(text: str) -> None:
    """What is no duration is a usage error that names the option and what was written."""
    with pytest.raises(UsageError) as caught:
        parse_duration(text, option="--for")
    assert caught.value.message.startswith("--for: ")
    assert "30s" in caught.value.hint


@given(st.integers(min_value=1, max_value=100 * 3600))
def test_what_is_printed_reads_back_close(seconds: int) -> None:
    """A printed duration means about the same when it is typed in again."""
    assert parse_duration(format_duration(seconds).replace(" ", "")) == pytest.approx(seconds, rel=0.02)
