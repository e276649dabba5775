"""What a change is asked for: the cause, and the target's own names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why the memory stays; each has one maker of changes."""

    FRAME = "frame"
    CONTAINER = "container"
    CLASS_CONTAINER = "class-container"
    REGISTRY = "registry"
    FINISHED = "finished"
    CACHE = "cache"
    VIEW = "view"
    ERROR = "error"
    ERROR_CYCLE = "error-cycle"
    PARENT = "parent"
    DISABLED = "disabled"
    FROZEN = "frozen"
    DEFAULT = "default"


@dataclass(frozen=True)
class Request:
    """The facts that a maker needs; what does not apply is empty."""

    cause: Cause
    files: tuple[str, ...]
    """Where to look, the likeliest first, as the target names them."""
    line: int | None = None
    function: str = ""
    """Qualified name."""
    names: tuple[str, ...] = ()
    """Local variables, or the one global, attribute or parameter that holds."""
    class_name: str = ""
    """Qualified name inside its module, where ``names`` is an attribute of it."""
    is_global: bool = False
    """Whether ``names`` is a global of its module."""
    is_closure: bool = False
    """Whether ``names`` is a variable of the function around the one at ``line``."""
    types: tuple[str, ...] = ()
    """Type of the container; for a view what is stored: the view, or ``tuple`` and the view in it."""
    count: int = 0
    """Entries seen."""
