"""The demonstration project has a test suite of its own, which only ``leakkit gate`` runs."""

from __future__ import annotations

collect_ignore = ["shop"]
