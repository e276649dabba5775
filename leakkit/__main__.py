"""``python -m leakkit``."""

from __future__ import annotations

from leakkit.commands import main

main()
