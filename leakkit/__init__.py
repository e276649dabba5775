"""leakkit finds out why a Python process grows.

The command line is the product; from Python, ``leakkit.store.read`` opens a snapshot and
``leakkit.diagnose.diagnose`` turns snapshots into a :class:`leakkit.model.Report`.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
