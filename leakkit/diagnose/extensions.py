"""Which extension modules' memory stays that no object owns, when a window recorded C stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.diagnose.owner import APPLICATION, STDLIB

if TYPE_CHECKING:
    from leakkit.diagnose.owner import Owners
    from leakkit.probe_model import Allocations


@dataclass(frozen=True)
class Extension:
    """A shared object that allocated memory in the window, and what became of it; bytes."""

    name: str
    """Distribution and version, or the file where it belongs to none."""
    owner: str
    file: str
    """The shared object whose C code allocated."""
    left: int
    """Still there, and no object owns it."""
    blocks: int
    allocated: int
    """In the whole window; what is not there any more was temporary."""
    peak: int
    """The most it had at one time."""

    @property
    def told(self) -> str:
        """Name and file for people."""
        file = self.file.rpartition("/")[2]
        return self.name if self.name == file else f"{self.name} ({file})"


def extensions(found: Allocations | None, owners: Owners) -> tuple[Extension, ...]:
    """Shared objects by what they left, heaviest first; none without C stacks."""
    if found is None or not found.facts.native:
        return ()
    rows = found.node < 0
    weight = np.bincount(found.stack[rows], weights=found.bytes[rows], minlength=found.stack_count)
    blocks = np.bincount(found.stack[rows], weights=found.blocks[rows], minlength=found.stack_count)
    told = []
    for number in np.unique(found.stack_library[weight > 0]).tolist():
        file = found.strings[number]
        if not file:
            continue
        mine = found.stack_library == number
        heaviest = int(np.argmax(np.where(mine, weight, -1)))
        through = found.strings[int(found.stack_extension[heaviest])]
        name, owner = _name(file, through, owners)
        total, peak = found.facts.objects.get(file, [0, 0])
        told.append(Extension(name, owner, file, int(weight[mine].sum()), int(blocks[mine].sum()), total, peak))
    return tuple(sorted(told, key=lambda one: (-one.left, one.file)))


def _name(file: str, through: str, owners: Owners) -> tuple[str, str]:
    """What to call a shared object, and whose it is: its distribution's, else that of the extension that used it."""
    for path in (file, through):
        owner = owners.of_file(path)
        if path and owner not in (APPLICATION, STDLIB):
            return owner.removeprefix("library:"), owner
    return file.rpartition("/")[2], APPLICATION if owners.of_file(file) == APPLICATION else STDLIB
