"""Finds ``module:function`` and makes one plain call of it, be it a coroutine function or not."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from leakkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def resolve(subject: str) -> Callable[[], Any]:
    """The callable that ``module:function`` or ``module:Class.method`` names.

    Raises:
        UsageError: there is no such module or attribute, or it needs arguments.
    """
    module_name, _, path = subject.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UsageError(f"there is no module {error.name}", "run leakkit where Python finds it") from None
        raise
    for name in path.split("."):
        if not hasattr(found, name):
            raise UsageError(f"{module_name} has no {path}", "give it as module:function")
        found = getattr(found, name)
    if not callable(found):
        raise UsageError(f"{subject} cannot be called", "give a function without arguments")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise UsageError(f"{subject} cannot be called without arguments: {error}", "wrap it in a function") from None
    except ValueError:
        pass  # a C function without a signature: the call will tell
    return found  # type: ignore[no-any-return] # callable is all that can be known


def place_of(function: Callable[..., Any]) -> tuple[str | None, int | None]:
    """File and line where a function is defined, as far as they can be known."""
    code = getattr(inspect.unwrap(function), "__code__", None) or getattr(function, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else (None, None)


def is_async(function: object) -> bool:
    """Whether a call gives a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


class Caller:
    """Makes calls; coroutines run on one event loop that lives as long as the measurement."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._runner = asyncio.Runner() if is_async(function) else None

    def __enter__(self) -> Callable[[], object]:
        if self._runner is None:
            return self._function
        runner, function = self._runner, self._function
        return lambda: runner.run(function())

    def __exit__(self, *_: object) -> None:
        if self._runner is not None:
            self._runner.close()
