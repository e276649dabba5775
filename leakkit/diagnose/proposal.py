"""The change itself: from a finding to a snippet, and what an application can do about a library's holder."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from leakkit.diagnose.advice import location
from leakkit.diagnose.lookup import DATA_TYPES
from leakkit.diagnose.owner import APPLICATION, STDLIB
from leakkit.diagnose.place import place_of
from leakkit.diagnose.suspect import SuspectKind
from leakkit.model import HolderKind
from leakkit.patch import Cause, Request, make_snippet

if TYPE_CHECKING:
    from leakkit.diagnose.context import Context
    from leakkit.diagnose.findings import Weighed
    from leakkit.diagnose.lookup import Lookup
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Finding
    from leakkit.patch import Sources

MAX_FILES = 40
"""Look for a call of the collector in at most so many of the application's files."""

TAKING_APART = ("unlink", "decompose", "close", "clear", "dispose", "destroy", "shutdown")
"""Names under which classes offer to take their objects apart, the plainest first."""

_LOCAL = re.compile(r"^(?P<function>.+)\(\) local '(?P<name>[^']+)'$")
_CLOSURE = re.compile(r"^(?P<function>.+)\((?P<form>closure variable|default) '(?P<name>[^']+)'\)$")
_FRAME = re.compile(r"^(?:frame|coroutine|generator|async_generator) (?P<function>.+)\(\)$")
_LAST_NAME = re.compile(r"\.(?P<name>\w+)(?:\[[^\]]*\])*$")

_LIVE = (SuspectKind.GROWTH, SuspectKind.LARGE)


def with_change(context: Context, weighed: Weighed, finding: Finding, sources: Sources | None) -> Finding:
    """The finding with its change in the target's source, or with the application's part of a library's leak.

    Args:
        context: the snapshots and names.
        weighed: what the finding was made from.
        finding: the finding.
        sources: reads the target's files; None reads none.
    """
    fix = finding.fix
    wanted = request_for(context, weighed, finding)
    # Who switched the collector off, or froze the heap, is not who made the cycles.
    if finding.owner != APPLICATION and (wanted is None or wanted.cause not in (Cause.DISABLED, Cause.FROZEN)):
        if weighed.suspect.kind == SuspectKind.GARBAGE:
            return replace(finding, fix=replace(fix, how=_library_cycle(context.look, weighed.suspect, finding)))
        advice = _library_advice(context.look, weighed.suspect, finding)
        return replace(finding, fix=replace(fix, how=fix.how + advice)) if advice else finding
    found = make_snippet(sources, wanted) if sources is not None and wanted is not None else None
    if found is None:
        return finding
    where = f"{found.file}:{found.line}"
    how = fix.how if where in fix.how else f"{fix.how}; change it at {where}"
    return replace(finding, fix=replace(fix, how=how, snippet=found))


def request_for(context: Context, weighed: Weighed, finding: Finding) -> Request | None:
    """What change to ask for; None where no maker knows the cause."""
    suspect = weighed.suspect
    rules = {item.rule for item in weighed.evidence}
    if suspect.kind == SuspectKind.GARBAGE:
        return _for_garbage(context.look, suspect, rules)
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        names = tuple(name for name, _, _ in suspect.facts["variables"])
        return _of_place(context.look, suspect, Cause.FRAME, names=names)
    if suspect.kind == SuspectKind.VIEWS:
        return _of_place(context.look, suspect, Cause.VIEW, types=_stored_types(context.look, suspect))
    if suspect.kind not in _LIVE:
        return None
    container = suspect.facts.get("container", -1)
    types = (context.look.type_of(container),) if container >= 0 else ()
    return _of_place(context.look, suspect, _cause(finding, suspect, rules), types=types)


def _stored_types(look: Lookup, suspect: Suspect) -> tuple[str, ...]:
    """Types on the way from what the holder has to the view: the view itself, or what it is stored in."""
    links = look.chain(suspect.nodes[0])
    place = next((at for at, link in enumerate(links) if link.node == suspect.place.owner_node), None)
    if place is None:
        return ()
    # The holder has the view, or a container that has it as an entry.
    rest = links[place:] if place == len(links) - 1 or links[place].type not in DATA_TYPES else links[place + 1 :]
    types = tuple(link.type for link in rest)
    if "object tree" in suspect.facts["buffer_types"] and len(types) == 1:
        return ("str",)
    return types


def _cause(finding: Finding, suspect: Suspect, rules: set[str]) -> Cause:
    kind = finding.holder.kind
    if "finished-work" in rules:
        return Cause.FINISHED
    if kind == HolderKind.EXCEPTION_TRACEBACK:
        return Cause.ERROR
    if kind == HolderKind.CALLBACK_REGISTRY:
        return Cause.REGISTRY
    if kind == HolderKind.CACHE:
        return Cause.CACHE
    if kind == HolderKind.CLOSURE and "(default '" in suspect.place.holder.name:
        return Cause.DEFAULT
    return Cause.CLASS_CONTAINER if kind == HolderKind.CLASS_ATTRIBUTE else Cause.CONTAINER


def _of_place(
    look: Lookup, suspect: Suspect, cause: Cause, *, names: tuple[str, ...] = (), types: tuple[str, ...] = ()
) -> Request | None:
    """The request with the holder's own names."""
    holder, count = suspect.place.holder, suspect.counts[-1]
    files = (holder.file,) if holder.file else ()
    if found := _LOCAL.match(holder.name):
        names = names or (found["name"],)
        return Request(cause, files, holder.line, found["function"], names, types=types, count=count)
    if found := _CLOSURE.match(holder.name):
        inner = found["form"] == "default"
        function = found["function"] if inner else ""
        names = (found["name"],)
        return Request(cause, files, holder.line, function, names, is_closure=not inner, types=types, count=count)
    if holder.kind == HolderKind.CACHE:
        function = holder.name.removeprefix(look.module_of_type(holder.name) + ".")
        return Request(cause, files, holder.line, function, types=types, count=count)
    if holder.kind == HolderKind.MODULE_GLOBAL:
        name = holder.name.rpartition(".")[2]
        return Request(cause, files, names=(name,), is_global=True, types=types, count=count)
    return _of_attribute(look, suspect, cause, types)


def _of_attribute(look: Lookup, suspect: Suspect, cause: Cause, types: tuple[str, ...]) -> Request | None:
    """An attribute of a class, of its instances, or of a thread-local object."""
    holder, count = suspect.place.holder, suspect.counts[-1]
    found = _LAST_NAME.search(holder.name)
    if found is None:
        return None
    class_name, file = "", holder.file
    if holder.kind == HolderKind.CLASS_ATTRIBUTE:
        class_name = holder.name.rpartition(".")[0]
    elif suspect.place.owner_node >= 0 and holder.kind == HolderKind.INSTANCE_ATTRIBUTE:
        links = look.chain(suspect.place.owner_node)
        at = len(links) - 2
        if at > 0 and look.is_namespace(links[at].node):
            at -= 1
        class_name = links[at].type if at >= 0 else ""
    if class_name:
        module = look.module_of_type(class_name)
        file, class_name = look.owners.files.get(module) or file, class_name.removeprefix(f"{module}.")
    files = (file,) if file else ()
    return Request(cause, files, names=(found["name"],), class_name=class_name, types=types, count=count)


def _application_files(look: Lookup) -> tuple[str, ...]:
    """The application's own source files, the program first."""
    files = [(name != "__main__", file) for name, file in look.owners.files.items() if file and file.endswith(".py")]
    own = [file for _, file in sorted(files) if look.owners.of_file(file) == APPLICATION]
    return tuple(dict.fromkeys(own))[:MAX_FILES]


def _for_garbage(look: Lookup, suspect: Suspect, rules: set[str]) -> Request | None:
    holder, steps = suspect.place.holder, suspect.place.steps
    if holder.kind == HolderKind.FROZEN:
        return Request(Cause.FROZEN, _application_files(look))
    if "collector-disabled" in rules:
        return Request(Cause.DISABLED, _application_files(look))
    files = (holder.file,) if holder.file else ()
    types = [step.type for step in steps]
    if any(name == "traceback" or name.endswith(".traceback") for name in types):
        frame = next((found for name in types if (found := _FRAME.match(name))), None)
        return Request(Cause.ERROR_CYCLE, files, holder.line, frame["function"] if frame else "")
    return _for_parent(look, suspect)


def _for_parent(look: Lookup, suspect: Suspect) -> Request | None:
    """The one-to-one reference of the cycle: of ``parent.children[*]`` and ``child.parent`` the latter."""
    steps = suspect.place.steps
    found = None
    for before, step in itertools.pairwise(steps):
        plain = re.fullmatch(r"\.(\w+)", step.edge)
        # What leads to a container leads to many: the way down.
        if plain is None or "." not in before.type or step.type in ("list", "dict", "set", "tuple"):
            continue
        module = look.module_of_type(before.type)
        file = look.owners.files.get(module)
        if file and look.owners.of_file(file) == APPLICATION:
            found = Request(Cause.PARENT, (file,), names=(plain[1],), class_name=before.type.removeprefix(f"{module}."))
    return found


def _library_cycle(look: Lookup, suspect: Suspect, finding: Finding) -> str:
    """How to do away with a cycle that is not the application's to break."""
    whose = "the standard library" if finding.owner == STDLIB else finding.owner.removeprefix("library:")
    text = f"the cycle {suspect.place.path_text} is made by {whose}, whose code is not the application's to change"
    collect = "gc.collect() after each large piece of work or at idle"
    if method := _taking_apart(look, suspect.place.types):
        return f"{text}: call {method} of what is done with; or call {collect}"
    return f"{text}: do not keep such objects longer than needed, and call {collect}"


def _taking_apart(look: Lookup, types: tuple[str, ...]) -> str:
    """The cycle's own method that takes it apart (``unlink``, ``decompose``, ``close``), with its place."""
    wanted = [
        f"{name}.{method}"
        for method in TAKING_APART
        for type_name in dict.fromkeys(types)
        if "." in type_name
        for name in sorted(look.bases(type_name), key=lambda one: one != type_name)
    ]
    texts = [known for node in look.function_rows if (known := look.function_text(node)) is not None]
    found = {f"{module}.{name}": (name, file, line) for name, file, line, module in texts}
    for name in wanted:
        if name in found:
            qualified, file, line = found[name]
            return f"`{qualified}()` ({file}:{line})"
    return ""


def _library_advice(look: Lookup, suspect: Suspect, finding: Finding) -> str:
    """Whose code holds, and what of the application leads there."""
    node = suspect.facts.get("container", suspect.place.owner_node)
    if suspect.kind not in _LIVE or node < 0:
        return ""
    whose = "the standard library" if finding.owner == STDLIB else finding.owner.removeprefix("library:")
    text = f"; the code that holds is {whose}, not the application's"
    place = place_of(look, node, to_application=True)
    if place.owner != APPLICATION or place.holder.name == suspect.place.holder.name:
        return f"{text}: use its own limit or its close(), or recycle the process that does this work"
    named = f"`{place.holder.name}`{location(place.holder)}"
    return f"{text}: from the application {named} leads to it, so close, limit or replace that one when it is done with"
