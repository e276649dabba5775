"""Deciding: from snapshots to a report with verdict, ranked findings, evidence and fixes."""

from leakkit.diagnose.engine import diagnose

__all__ = ["diagnose"]
