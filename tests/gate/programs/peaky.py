"""Functions with a known peak."""

from __future__ import annotations

import time


def eight_megabytes() -> int:
    return len(bytearray(8_000_000))


async def two_megabytes() -> int:
    return len(bytearray(2_000_000))


def fails() -> None:
    raise ValueError("not today")


def slow() -> None:
    time.sleep(60)
