"""Has Graphviz draw a picture, where it is installed; the one place that knows its program."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

SECONDS: Final = 20.0
"""Longest time for one picture."""


class DrawingError(Exception):
    """Graphviz is not there, or did not draw; says why."""


def installed() -> bool:
    """Whether ``dot`` is on the path."""
    return shutil.which("dot") is not None


def draw(dot: str, kind: str) -> bytes:
    """A picture of a graph in the DOT language.

    Args:
        dot: the graph.
        kind: ``svg`` or ``png``.

    Raises:
        DrawingError: there is no Graphviz, it failed, or it took more than 20 s.
    """
    program = shutil.which("dot")
    if program is None:
        raise DrawingError("Graphviz's dot is not installed")
    try:
        done = subprocess.run(
            [program, f"-T{kind}"], input=dot.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DrawingError(f"Graphviz failed: {error}") from error
    if done.returncode != 0 or not done.stdout:
        raise DrawingError(f"Graphviz failed: {' '.join(done.stderr.decode(errors='replace').split())[:200]}")
    return done.stdout
