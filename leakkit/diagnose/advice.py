"""The change itself, in the target's own names, for each kind of holder that `drop` repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.model import HolderKind

if TYPE_CHECKING:
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Holder

_HOW = {
    HolderKind.MODULE_GLOBAL: (
        "take entries out of `{name}`{at} when they are done with, or bound it (an LRU or TTL "
        "cache, a deque with maxlen, a WeakValueDictionary)"
    ),
    HolderKind.CLASS_ATTRIBUTE: (
        "`{name}`{at} is one object for all instances: make it an instance attribute set in "
        "__init__, or remove and bound its entries"
    ),
    HolderKind.INSTANCE_ATTRIBUTE: (
        "take entries out of `{name}`{at} when they are done with (also on the error path: try/finally), or bound it"
    ),
    HolderKind.CACHE: "give the cache on `{name}`{at} a limit: @lru_cache(maxsize=1024) instead of maxsize=None",
    HolderKind.CLOSURE: "`{name}`{at} lives as long as the function: bound it, clear it, or pass it in by the caller",
    HolderKind.THREAD_LOCAL: (
        "clear or bound `{name}`{at}: a thread-local lives as long as its thread, and pool threads live for ever"
    ),
    HolderKind.CONTEXT_VARIABLE: (
        "set `{name}`{at} afresh for each request (contextvars.copy_context().run, or "
        "reset(token) at its end) instead of extending one value"
    ),
    HolderKind.CALLBACK_REGISTRY: (
        "unregister from `{name}`{at} when the subscriber is closed, or register a weakref.WeakMethod"
    ),
    HolderKind.EXCEPTION_TRACEBACK: (
        "keep str(error) or traceback.format_exc() in `{name}`{at} instead of the exception, "
        "or call traceback.clear_frames(error.__traceback__) before storing it; use `raise "
        "... from None` where the context says nothing"
    ),
    HolderKind.RUNNING_FRAME: (
        "clear or bound `{name}`{at} inside the loop: the frame never returns, so nothing else will"
    ),
    HolderKind.SUSPENDED_FRAME: "clear or bound `{name}`{at}: the coroutine never returns, so nothing else will",
    HolderKind.INTERNED: "do not call sys.intern() on strings that come from input; intern only a closed set of names",
    HolderKind.UNKNOWN: "release what `{name}`{at} holds when it is done with",
}


def location(holder: Holder) -> str:
    """`` (file:line)``, `` (file)`` or nothing."""
    if not holder.file:
        return ""
    return f" ({holder.file}:{holder.line})" if holder.line else f" ({holder.file})"


def how_to_drop(suspect: Suspect, kind: HolderKind, rules: set[str]) -> str:
    """The change that lets the entries go."""
    holder = suspect.place.holder
    text = _HOW.get(kind, _HOW[HolderKind.UNKNOWN]).format(name=holder.name, at=location(holder))
    if "caches-instances" in rules:
        text += "; on a method prefer functools.cached_property, which lives and dies with the instance"
    if "finished-work" in rules:
        text += "; discard finished tasks with add_done_callback(the_set.discard) and keep only what is pending"
    if "classes-made-at-run-time" in rules:
        text += "; make each class once and look it up by its fields instead of making it anew"
    if "standard-registry" in rules:
        text += _registry_advice(holder.name)
    if suspect.facts.get("also"):
        text += f"; do the same for {' and '.join(suspect.facts['also'])}, with the same data in it"
    return text


def _registry_advice(name: str) -> str:
    if "logger" in name.lower():
        return (
            "; logging.getLogger() never forgets a name: use one logger and put the request id into `extra` or a filter"
        )
    if "finalize" in name:
        return (
            "; the callback's arguments must not refer to the object itself, or it can never die; "
            "detach() when it is closed"
        )
    if "atexit" in name:
        return "; atexit.unregister() it, or register one function that walks a WeakSet"
    return ""
