"""Evidence about views that pin large buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.suspect import SuspectKind
from leakkit.diagnose.units import in_bytes
from leakkit.model import Evidence, HolderKind

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect


def buffer_dwarfs_views(suspect: Suspect, context: Context) -> Evidence | None:
    """The views show a small part of what they keep."""
    if suspect.kind != SuspectKind.VIEWS:
        return None
    shown, whole = int(suspect.facts["fragments"]), int(suspect.facts["buffer_bytes"])
    views, buffers = ", ".join(suspect.facts["view_types"]), ", ".join(suspect.facts["buffer_types"])
    reason = f"{views} show {in_bytes(shown)} of {in_bytes(whole)} in {suspect.counts[-1]:,} buffers ({buffers})"
    return Evidence("buffer-dwarfs-views", "copy", reason, {"shown_bytes": shown, "buffer_bytes": whole})


def only_views_keep(suspect: Suspect, context: Context) -> Evidence | None:
    """Cutting the views on paper frees the buffers: every owner of the buffers is a view."""
    if suspect.kind != SuspectKind.VIEWS:
        return None
    reason = f"all owners of these buffers are views: without them {in_bytes(suspect.saving)} go"
    return Evidence("only-views-keep", HolderKind.VIEW, reason, {"freed_bytes": suspect.saving})
