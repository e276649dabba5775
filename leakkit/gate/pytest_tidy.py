"""What pytest itself keeps of each call of a test's body, and drops only when the test is over."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pytest

_CAPTURES = ("capsys", "capsysbinary", "capteesys", "capfd", "capfdbinary")
_UNDO_LISTS = ("_setattr", "_setitem")


class Tidy:
    """Drops, before each count, what pytest gathered of repeated calls: output, log records, warnings, undo lists.

    A context: inside, warnings are recorded in a list of our own.

    Args:
        item: the test, whose body has run once.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._funcargs: dict[str, Any] = getattr(item, "funcargs", {})
        self._capture = item.config.pluginmanager.getplugin("capturemanager")
        self._catch = warnings.catch_warnings(record=True)
        self._warned: list[Any] | None = None
        patch = self._funcargs.get("monkeypatch")
        lists = [getattr(patch, name, None) for name in _UNDO_LISTS]
        self._undo = [(entries, len(entries)) for entries in lists if isinstance(entries, list)]

    def __enter__(self) -> Self:
        self._warned = self._catch.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._catch.__exit__(None, None, None)

    def __call__(self) -> None:
        """Drop what has been gathered since the last time."""
        if self._warned is not None:
            self._warned.clear()
        for handler in logging.getLogger().handlers:
            if type(handler).__name__ == "LogCaptureHandler":
                handler.reset()  # type: ignore[attr-defined] # pytest's own class
        if self._capture is not None and self._capture.is_globally_capturing():
            self._capture.read_global_capture()
        for name in _CAPTURES:
            if name in self._funcargs:
                self._funcargs[name].readouterr()
        if "recwarn" in self._funcargs:
            self._funcargs["recwarn"].clear()
        for entries, length in self._undo:
            # The first entry of a name has the value to go back to, and the first call has made it.
            del entries[length:]
