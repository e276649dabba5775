"""The walk, which is shipped into targets as a file; leakkit's own process never loads it."""

from __future__ import annotations

import functools
from typing import Final

from leakkit.native import build

OBJECT: Final = "_walk.so"


@functools.cache
def _read() -> tuple[bytes | None, str]:
    """(the object, why there is none)."""
    try:
        found = (build.HERE / OBJECT).read_bytes()
    except OSError:
        return (
            None,
            "leakkit was installed without its native walk (no C compiler was found); install gcc and reinstall",
        )
    if build.fingerprint("walk").encode() not in found:
        return None, "the native walk was compiled from other sources; reinstall leakkit"
    return found, ""


def walk_object() -> bytes | None:
    """The shared object, or None when it was not built or is switched off."""
    return None if build.switched_off() else _read()[0]


def why_no_walk() -> str:
    """Why the walk is not used; empty when it is."""
    return f"{build.SWITCH} is set" if build.switched_off() else _read()[1]
