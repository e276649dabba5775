"""The probes: tools of others whose view of the target goes into the snapshot.

:data:`BUILT_IN` is the whole list of leakkit's own; third parties add theirs as entry points of the group
``leakkit.probes``, each a :class:`Probe`.  A probe that fails is a warning and costs nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.errors import UsageError
from leakkit.probe_model import ProbeResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.capture.handover import Handover

GROUP: Final = "leakkit.probes"


@dataclass(frozen=True)
class Probe:
    """One tool."""

    name: str
    about: str
    """What it adds, in one line."""
    needs: tuple[str, ...] = ()
    """Modules and folders beside it that are lent to the target from leakkit's own environment, the first one first."""
    in_copy: bool = True
    """Whether it looks at the frozen copy; memray alone runs in the target itself, in a window."""
    every: bool = False
    """Whether it looks at each copy of a series, because its answers are compared; else at the last one."""
    text: str = ""
    """A third party's: Python that defines ``probe(objects)`` and answers with plain JSON; it runs in the copy."""


MEMRAY: Final = Probe(
    "memray",
    "where objects were allocated, tracked in the live target while --allocations is on",
    ("memray", "memray.libs", "rich", "typing_extensions"),
    in_copy=False,
)
BUILT_IN: Final = (
    MEMRAY,
    Probe(
        "objgraph",
        "type counts, their growth over several copies, a chain of references to the largest containers",
        ("objgraph",),
        every=True,
    ),
    Probe("guppy3", "counts and bytes by type and by referrers, and what the largest containers dominate", ("guppy",)),
    Probe("tracemalloc", "where objects were allocated, of a target that runs tracemalloc already"),
)


def find_probes() -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """All probes, and a line for each third party's that could not be loaded."""
    found, complaints = list(BUILT_IN), []
    for point in metadata.entry_points(group=GROUP):
        try:
            probe = point.load()
        except Exception as error:  # noqa: BLE001 - somebody else's code
            complaints.append(f"probe {point.name} cannot be loaded: {type(error).__name__}: {error}")
            continue
        if not isinstance(probe, Probe) or not probe.name.isidentifier() or probe.name in {p.name for p in found}:
            complaints.append(f"probe {point.name} is no leakkit.capture.probes.Probe of a new name")
        else:
            found.append(probe)
    return tuple(found), tuple(complaints)


def why_not(probe: Probe) -> str:
    """Why a probe cannot run from this leakkit; empty when it can."""
    if probe.needs and importlib.util.find_spec(probe.needs[0]) is None:
        return f"{probe.needs[0]} is not installed beside leakkit: pip install 'leakkit[profilers]'"
    return ""


def choose(wanted: Sequence[str], unwanted: Sequence[str]) -> tuple[Probe, ...]:
    """The probes of the copy that are wanted.

    Raises:
        UsageError: there is no probe of that name, or memray was asked for without a window.
    """
    known = {probe.name: probe for probe in find_probes()[0]}
    for name in (*wanted, *unwanted):
        if name not in known:
            raise UsageError(f"there is no probe {name!r}", f"choose of {', '.join(known)}: leakkit probes")
        if not known[name].in_copy and name in wanted and name not in unwanted:
            raise UsageError(f"{name} needs a window to watch", "use --allocations")
    return tuple(known[name] for name in dict.fromkeys(wanted) if name not in unwanted)


def lend(handover: Handover, names: Sequence[str]) -> None:
    """Put modules of leakkit's environment where the target can import them, in the folder ``lent``.

    Links; copies for a target of another user or root.  What is not there is left out.
    """
    folder, process = handover.folder / "lent", handover.process
    folder.mkdir(mode=0o755, exist_ok=True)
    same = not process.root and process.uid == os.geteuid()
    for name in names:
        spec = importlib.util.find_spec(names[0])
        if spec is None or not spec.origin:
            return
        home = Path(spec.origin).parent if spec.submodule_search_locations is None else Path(spec.origin).parent.parent
        source = home / name if (home / name).is_dir() else home / f"{name}.py"
        if not source.exists():
            continue
        if same:
            (folder / source.name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.pyx", "_test*", "templates"))
        else:
            shutil.copy(source, folder)


def prepare(handover: Handover, probes: Sequence[Probe]) -> None:
    """Lend what the probes of the copy need, and put third parties' texts beside it."""
    for probe in probes:
        lend(handover, probe.needs)
        if probe.text:
            handover.add(f"probe-{probe.name}.py", probe.text.encode())


def ended(said: dict[str, Any] | None, probes: Sequence[Probe]) -> bool:
    """Whether each tool has said all that it says; one that has ``more`` may still be at work."""
    if said is None or len(said) < len(probes):
        return False
    return not any(isinstance(row, dict) and row.get("more") for row in said.values())


def results(said: dict[str, Any] | None, probes: Sequence[Probe]) -> tuple[ProbeResult, ...]:
    """What the tools said in the copy; types and objects are still given by address."""
    found = []
    for probe in probes:
        row = (said or {}).get(probe.name)
        if not isinstance(row, dict) or not isinstance(row.get("data"), dict):
            reason = "it did not answer before the copy had to end" if said is None else "its answer is no JSON object"
            found.append(ProbeResult(probe.name, "failed", reason))
            continue
        reason = " ".join(str(row.get("reason", "")).split())[:300]
        status = row.get("status")
        found.append(ProbeResult(probe.name, str(status), reason, row["data"]))
    return tuple(found)
