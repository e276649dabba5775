"""From an object up to the name a person knows: which global, attribute, local, cell or registry holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leakkit.diagnose.lookup import CACHE_TYPES, CONTEXT_TYPES, DATA_TYPES, THREAD_LOCAL_TYPES
from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.suspect import Place
from leakkit.heap.naming import name_path
from leakkit.heap.steps import StepKind
from leakkit.model import Holder, HolderKind, PathStep
from leakkit.snapshot_model import FrameKind, RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.lookup import Link, Lookup
    from leakkit.heap.naming import NamedPath

REGISTRY_MODULES = frozenset({"weakref", "atexit", "logging", "signal", "copyreg", "codecs"})
"""Modules of the standard library whose own tables are registries: what is in them was registered there."""

PLUMBING = frozenset({"__wrapped__", "__func__", "__self__", "__closure__", "cell_contents", "obj", "base", ""})
"""Attributes that only lead on: the holder is further up."""


@dataclass(frozen=True)
class Spot:
    """Where the climb from an object ended."""

    kind: HolderKind
    name: str
    index: int
    """Number of the link, in the path, that the named reference leads to."""
    file: str | None = None
    line: int | None = None
    module: str = ""


def _frame_spot(look: Lookup, links: Sequence[Link], index: int, node: int) -> Spot | None:
    row = look.frame_rows.get(node)
    if row is None:
        return None
    function, file, line, module = look.frame_text(row)
    kind = HolderKind.SUSPENDED_FRAME
    if look.heap.snapshot.frames.kind[row] == FrameKind.TRACEBACK:
        kind = HolderKind.EXCEPTION_TRACEBACK
    if look.heap.snapshot.frames.kind[row] == FrameKind.THREAD:
        kind = HolderKind.RUNNING_FRAME
    return Spot(kind, f"{function}() local '{links[index].name}'", index, file, line, module)


def _closure_spot(look: Lookup, links: Sequence[Link], index: int, variable: str, form: str) -> Spot | None:
    for up in range(index - 1, -1, -1):
        found = look.function_text(links[up].node)
        if found is not None:
            name, file, line, module = found
            return Spot(HolderKind.CLOSURE, f"{name}({form} '{variable}')", index, file, line, module)
        if links[up].type not in ("tuple", "cell", "dict"):
            break
    return None


def _owner_index(look: Lookup, links: Sequence[Link], index: int) -> int:
    """The object whose attribute ``links[index]`` is: the parent, or the owner of the parent namespace."""
    parent = index - 1
    return parent - 1 if parent > 0 and look.is_namespace(links[parent].node) else parent


def _global_spot(look: Lookup, links: Sequence[Link], index: int) -> Spot:
    owner = links[_owner_index(look, links, index)]
    module = look.module_names.get(owner.node, "") or look.root_name(links[0].node)
    file = look.owners.files.get(module)
    return Spot(HolderKind.MODULE_GLOBAL, f"{module}.{links[index].name}", index, file, None, module)


def _class_spot(look: Lookup, links: Sequence[Link], index: int) -> Spot:
    owner = links[_owner_index(look, links, index)]
    type_name = look.class_names.get(owner.node) or look.path_text(owner.node)
    module = look.module_of_type(type_name)
    file = look.owners.files.get(module)
    return Spot(HolderKind.CLASS_ATTRIBUTE, f"{type_name}.{links[index].name}", index, file, None, module)


def _attribute_spot(look: Lookup, links: Sequence[Link], index: int) -> Spot | None:
    """The attribute of an instance; attributes of the standard library's own classes only lead on."""
    owner, name = links[_owner_index(look, links, index)], links[index].name
    if name in PLUMBING or owner.type in DATA_TYPES or look.owners.of_type(owner.type) == STDLIB:
        return None
    module = look.module_of_type(owner.type)
    file = look.owners.files.get(module)
    return Spot(HolderKind.INSTANCE_ATTRIBUTE, look.path_text(links[index].node), index, file, None, module)


def _root_spot(look: Lookup, links: Sequence[Link]) -> Spot:
    root = links[0]
    kind = look.root_kind(root.node)
    row = look.root_frame(root.node)
    if row >= 0:
        function, file, line, module = look.frame_text(row)
        return Spot(HolderKind.RUNNING_FRAME, f"{function}() local '{root.name}'", 0, file, line, module)
    if kind == RootKind.MODULE:
        return Spot(HolderKind.MODULE_GLOBAL, root.name, 0, look.owners.files.get(root.name), None, root.name)
    if kind == RootKind.INTERPRETER:
        lowered = root.name.lower()
        if "atexit" in lowered:
            return Spot(HolderKind.CALLBACK_REGISTRY, "atexit", 0, None, None, "atexit")
        if "intern" in lowered and "interp" not in lowered:
            return Spot(HolderKind.INTERNED, "interned strings", 0)
        return Spot(HolderKind.UNKNOWN, f"interpreter: {root.name or root.type}", 0)
    if kind == RootKind.TASK:
        return Spot(HolderKind.UNKNOWN, f"event loop: task {root.name}".strip(), 0)
    return _c_spot(look, root)


def _c_spot(look: Lookup, root: Link) -> Spot:
    """An object that only C code holds; a list of callbacks with as many entries is ``atexit``'s (3.14 and later)."""
    entries = look.successors(root.node) if root.type == "list" else []
    registered = look.heap.snapshot.process.extra.get("atexit")
    callbacks = [t for t, _, _ in entries[:8] if look.type_of(t) == "tuple" and look.first_is_callable(t)]
    if callbacks and len(callbacks) == len(entries[:8]):
        same = registered is None or registered == len(entries)
        name = "atexit" if same else "a registry of callbacks in C"
        return Spot(HolderKind.CALLBACK_REGISTRY, name, 0, None, None, "atexit" if same else "")
    return Spot(HolderKind.C_HELD, root.type, 0)


def _step(look: Lookup, links: Sequence[Link], index: int) -> Spot | None:
    """The spot that the reference to ``links[index]`` is, or None to climb on."""
    link, parent = links[index], links[index - 1]
    if parent.type in CACHE_TYPES:
        return _cache_spot(look, links, index - 1)
    code = look.step_kind(link.node)
    if code == StepKind.GLOBAL:
        return _global_spot(look, links, index)
    if code == StepKind.CLASS_ATTRIBUTE:
        return _class_spot(look, links, index)
    if code == StepKind.ATTRIBUTE:
        return _attribute_spot(look, links, index)
    if code == StepKind.LOCAL:
        return _frame_spot(look, links, index, parent.node)
    if code == StepKind.CLOSURE:
        return _closure_spot(look, links, index, link.name, "closure variable")
    if code == StepKind.DEFAULT or parent.name == "__kwdefaults__":
        return _closure_spot(look, links, index, link.name, "default")
    return None


def _cache_spot(look: Lookup, links: Sequence[Link], index: int) -> Spot:
    """The ``lru_cache`` at ``index``, named as what it caches."""
    node = links[index].node
    for target in look.functions_below(node):
        found = look.function_text(target)
        if found is not None:
            name, file, line, module = found
            return Spot(HolderKind.CACHE, f"{module}.{name}", index, file, line, module)
    text = look.path_text(node)
    return Spot(HolderKind.CACHE, text, index)


def _climb(look: Lookup, links: Sequence[Link], start: int, *, to_application: bool) -> Spot:
    """The nearest named holder; with ``to_application`` the nearest one in the application's own code."""
    nearest: Spot | None = None
    for index in range(start, 0, -1):
        spot = _step(look, links, index)
        if spot is None:
            continue
        if not to_application or look.owners.is_application(_owner(look, spot)):
            return spot
        nearest = nearest or spot
    return nearest or _root_spot(look, links)


def _owner(look: Lookup, spot: Spot) -> str:
    return look.owners.of_file(spot.file) if spot.file else look.owners.of_module(spot.module)


def _through(types: Sequence[str], wanted: frozenset[str]) -> bool:
    return any(name in wanted for name in types)


def _special(look: Lookup, links: Sequence[Link], spot: Spot) -> Spot:
    """Thread-locals, context variables and registries, told by what the path passes."""
    types = [link.type for link in links]
    if any(name in THREAD_LOCAL_TYPES or look.bases(name) & THREAD_LOCAL_TYPES for name in dict.fromkeys(types)):
        text = look.path_text(links[-1].node)
        return replace(spot, kind=HolderKind.THREAD_LOCAL, name=text)
    if _through(types, CONTEXT_TYPES) or (links[0].kind == -1 and "context" in links[0].name.lower()):
        name, module = look.context_variable(links)
        file = look.owners.files.get(module) if module else spot.file
        return replace(
            spot,
            kind=HolderKind.CONTEXT_VARIABLE,
            name=name or spot.name,
            file=file,
            module=module or spot.module,
        )
    if spot.module.split(".")[0] in REGISTRY_MODULES and look.owners.of_module(spot.module) == STDLIB:
        return replace(spot, kind=HolderKind.CALLBACK_REGISTRY)
    return spot


def path_steps(named: NamedPath) -> tuple[PathStep, ...]:
    """The steps of a path with the last one, which leads to what accumulates, marked."""
    last = len(named.steps) - 1
    return tuple(PathStep(step.type, step.edge, None, i == last) for i, step in enumerate(named.steps))


def place_of(look: Lookup, node: int, *, to_application: bool = False) -> Place:
    """Who holds ``node``: holder, owner and path, from its best retaining path.

    Args:
        look: the heap's names.
        node: the object, a container as a rule.
        to_application: pass holders inside libraries as long as the application holds those.
    """
    links = look.chain(node)
    if not links:
        return Place(Holder(HolderKind.UNKNOWN, look.type_of(node)), APPLICATION, "", look.type_of(node))
    spot = _special(look, links, _climb(look, links, len(links) - 1, to_application=to_application))
    named = name_path(look.heap, node)
    holder = Holder(spot.kind, spot.name, spot.file, spot.line, look.bound_near(links))
    types = tuple(link.type for link in links)
    return Place(holder, _owner(look, spot), named.text, named.shape, path_steps(named), links[spot.index].node, types)
