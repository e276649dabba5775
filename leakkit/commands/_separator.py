"""A command whose ``--`` divides its arguments into two lists, instead of ending its options."""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperCommand

SEPARATOR: Final = "\0--"
"""Stands for ``--`` among the arguments; no real argument can hold a NUL."""


class DividedCommand(TyperCommand):
    """Hands the first ``--`` to the command as :data:`SEPARATOR`; options may follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with the separator as an argument like any other (``ctx`` is click's, whose home varies)."""
        if "--" in args:
            at = args.index("--")
            args = [*args[:at], SEPARATOR, *args[at + 1 :]]
        return super().parse_args(ctx, args)


def divide(arguments: list[str]) -> tuple[list[str], list[str]] | None:
    """What stands before and after the separator; None when there is none."""
    if SEPARATOR not in arguments:
        return None
    at = arguments.index(SEPARATOR)
    return arguments[:at], arguments[at + 1 :]
