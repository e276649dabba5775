"""The line where a holder is made and filled, from the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate.gate_samples import finding

from leakkit.gate.lines import with_line
from leakkit.model import Holder, HolderKind

SOURCE = """\
import threading
audit_log = []
by_key: dict[str, bytes] = {}


class Hub:
    listeners = []

    def __init__(self):
        self.sessions = {}

    def open(self, key):
        self.sessions[key] = bytes(10)
        Hub.listeners.append(self.open)


def handle(request):
    audit_log.append(request)
    by_key.setdefault(request, b"")
"""


@pytest.mark.parametrize(
    ("kind", "name", "made", "filled"),
    [
        (HolderKind.MODULE_GLOBAL, "app.audit_log", 2, 18),
        (HolderKind.MODULE_GLOBAL, "app.by_key['x']", 3, 19),
        (HolderKind.CLASS_ATTRIBUTE, "app.Hub.listeners", 7, 14),
        (HolderKind.CALLBACK_REGISTRY, "app.Hub.listeners", 7, 14),
        (HolderKind.INSTANCE_ATTRIBUTE, "app.hub.sessions", 10, 13),
        (HolderKind.MODULE_GLOBAL, "app.unknown", None, None),
        (HolderKind.CYCLE, "app.audit_log", None, None),
    ],
)
def test_lines(tmp_path: Path, kind: HolderKind, name: str, made: int | None, filled: int | None) -> None:
    file = tmp_path / "app.py"
    file.write_text(SOURCE)
    found, place = with_line(replace(finding(), holder=Holder(kind, name, str(file))))
    assert found.holder.line == made
    assert place == (None if filled is None else f"{file}:{filled}")


@pytest.mark.parametrize("source", [None, "def (", "\x00", "x = 1"])
def test_source_that_cannot_be_read(tmp_path: Path, source: str | None) -> None:
    """Nothing is found and nothing is raised; a known line stays."""
    file = tmp_path / "app.py"
    if source is not None:
        file.write_text(source)
    known = replace(finding(), holder=Holder(HolderKind.MODULE_GLOBAL, "app.audit_log", str(file), 5))
    assert with_line(known) == (known, None)
