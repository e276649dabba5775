"""Which installed distributions a target has, read from its site-packages on the host."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

from leakkit.snapshot_model import Distribution

_MOST = 2000
_NOT_CODE = ("__pycache__", "..", "")


def installed(site_packages: tuple[str, ...], root: str) -> tuple[Distribution, ...]:
    """Distributions by name.

    Args:
        site_packages: folders as the target sees them.
        root: what to put before them to reach them from here.
    """
    found: dict[str, Distribution] = {}
    for folder in site_packages:
        if not folder.startswith("/") or not Path(root + folder).is_dir():
            continue
        for item in importlib.metadata.distributions(path=[root + folder]):
            try:
                name: Any = item.metadata["Name"]
                version, files = item.version, item.files
                top = item.read_text("top_level.txt") if files is None else None
            except (OSError, ValueError, KeyError):
                continue
            if not isinstance(name, str) or name in found or len(found) >= _MOST:
                continue
            heads = {path.parts[0] for path in (files or ()) if path.parts} | set((top or "").split())
            paths = tuple(
                f"{folder}/{head}"
                for head in sorted(heads)
                if head not in _NOT_CODE and not head.endswith((".dist-info", ".egg-info", ".pth"))
            )
            found[name] = Distribution(name, version, paths)
    return tuple(found[name] for name in sorted(found))
