"""How ``leakkit gate -- pytest`` and the pytest plugin inside of that run find each other."""

from __future__ import annotations

from typing import Final

CHECKS_VARIABLE: Final = "LEAKKIT_GATE_CHECKS"
"""Folder into which the pytest plugin writes each check, one file each."""

OPTIONS_VARIABLE: Final = "LEAKKIT_GATE_OPTIONS"
"""Options for the tests, as JSON; those of a marker come first."""
