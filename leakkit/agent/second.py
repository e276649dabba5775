"""Second opinions: lets other tools look at the frozen copy after it was walked.

Runs in the copy, and only there: these tools run Python code and keep structures of their own.  ``remember`` notes the
walk's objects as addresses, of which each tool gets a list of its own; ``run`` asks each tool and writes
``second.json``.  A tool that fails says why and costs the others nothing.
"""

import gc
import sys
import time
from array import array

EXEMPLARS = 6
MOST_OBJECTS = 3000000
"""Above so many objects guppy3 is not asked: it keeps every one in a set of its own."""
MOST_FOR_REFERRERS = 1000000
"""Above so many objects guppy3 is not asked for referrers: it notes those of the whole heap before it groups any."""
REFERRERS_BYTES = 400
"""Memory that may take, an object of the heap."""
MOST_REFERRED = 200000
"""Objects that it groups by referrers: 0.6 s for an ordinary heap.

Where nearly each object has a set of referrers' types of its own, so many take 8 s, and half as many more 29 s.
"""
KINDS, MOST_PARTS, LONGEST_KIND = 8, 12, 200
CHAIN_SECONDS = 10.0
LARGEST_ANSWER = 3 << 20
MOST_FRAMES = 20
CONTAINERS = frozenset(map(id, (dict, list, set)))
A = globals()["A"]
MEMORY = {}


def remember(nodes, tracked, size_of, counts_only=False):
    """Note addresses: of all objects, of the tracked ones, and of the largest containers unless counts are enough."""
    MEMORY["all"] = array("Q", map(id, nodes))
    MEMORY["tracked"] = tracked
    MEMORY["left"] = A.START["memory_left"]
    large = [] if counts_only else [item for item in nodes[:tracked] if id(type(item)) in CONTAINERS]
    large.sort(key=size_of, reverse=True)
    MEMORY["exemplars"] = [id(item) for item in large[:EXEMPLARS]]


def at(addresses):
    """The objects at addresses that are known to be alive."""
    from _ctypes import PyObj_FromPtr

    return [PyObj_FromPtr(address) for address in addresses]


def objgraph():
    """Type counts of the tracked objects, and a chain of references to each exemplar."""
    import objgraph

    objects = at(MEMORY["all"][: MEMORY["tracked"]])
    counts = objgraph.typestats(objects=objects, shortnames=True)
    del objects
    chains, until = [], time.monotonic() + CHAIN_SECONDS

    def is_end(item):
        # Each step looks through the whole heap; without a bound a search that finds no module never ends.
        if time.monotonic() > until:
            raise TimeoutError
        return objgraph.is_proper_module(item)

    for address in MEMORY["exemplars"]:
        (target,) = at([address])
        try:
            chain = objgraph.find_backref_chain(target, is_end, max_depth=30)
        except TimeoutError:
            break
        found = [[id(item), type(item).__name__] for item in chain]
        chains.append({"address": address, "reaches_module": type(chain[0]) is type(sys), "chain": found})
        del chain, target
    return {"counts": counts, "chains": chains}


def guppy3(so_far):
    """Counts and bytes by type of all objects, what each exemplar dominates, and what refers to the objects."""
    if len(MEMORY["all"]) > MOST_OBJECTS:
        raise ValueError("the heap has more than %d objects" % MOST_OBJECTS)
    import guppy

    heapy = guppy.hpy()
    partition = heapy.iso(*at(MEMORY["all"])).bytype
    rows = [[id(part.kind.arg), part.count, part.size] for part in (partition[i] for i in range(len(partition)))]
    del partition
    dominated = []
    for address in MEMORY["exemplars"]:
        found = heapy.iso(*at([address]))
        dominated.append([address, found.domisize])
        del found
    said = {"types": rows, "dominated": dominated, "referrers": nothing("the time for the tools was over")}
    so_far(said)
    said["referrers"] = referrers(heapy, rows)
    return said


def nothing(reason):
    """No partition by referrers, and why."""
    return {"rows": [], "kinds": 0, "objects": 0, "left_out": [], "reason": reason}


def referrers(heapy, types):
    """Heapy's partition by the kinds of referrers; of the types that weigh most, as many objects as it may be."""
    if len(MEMORY["all"]) > MOST_FOR_REFERRERS:
        return nothing("guppy3 is asked for it up to %s objects" % format(MOST_FOR_REFERRERS, ","))
    left = MEMORY["left"]()
    if left is not None and left < REFERRERS_BYTES * len(MEMORY["all"]):
        return nothing(
            "it needs up to %d MB, and %d MB are left" % (REFERRERS_BYTES * len(MEMORY["all"]) >> 20, left >> 20)
        )
    left, chosen, left_out = MOST_REFERRED, set(), []
    for address, count, _ in types:
        if count <= left:
            chosen.add(address)
            left -= count
        else:
            left_out.append(address)
    try:
        found = heapy.iso(*[item for item in at(MEMORY["all"]) if id(type(item)) in chosen])
        partition = found.byrcs
        shown = [partition[i] for i in range(min(KINDS, len(partition)))]
        rows = [[*kind_of(part.kind), part.count, part.size] for part in shown]
        asked = MOST_REFERRED - left
        return {"rows": rows, "kinds": len(partition), "objects": asked, "left_out": left_out, "reason": ""}
    except Exception as error:
        return nothing("guppy3 failed: %s: %s" % (type(error).__name__, str(error)[:LONGEST_KIND]))


def kind_of(kind):
    """Heapy's words for a set of referrers' kinds, and each as (is it the dict of, address of the type).

    None stands for parts that are too many; a dict that nobody owns is the dict of address 0.
    """
    parts = []
    for part in kind.arg.kinds:
        owner = part.arg if isinstance(part.arg, type) else getattr(part.arg, "arg", None)
        parts.append([owner is not part.arg, id(owner) if isinstance(owner, type) else 0])
    text = kind.brief
    if text.startswith("<referred by: ") and text.endswith(">"):
        text = text[len("<referred by: ") : -1]
    return text[:LONGEST_KIND], parts if len(parts) <= MOST_PARTS else None


class Skip(Exception):
    """The tool has nothing to say here."""


def tracemalloc(folder):
    """Tracebacks of the objects that a running tracemalloc has; pairs of address and stack go into ``traces.bin``."""
    import _tracemalloc

    if not _tracemalloc.is_tracing():
        raise Skip("the target does not run tracemalloc")
    files, stacks, addresses, numbers = {}, {}, array("Q"), array("I")
    for start in range(0, len(MEMORY["all"]), 4096):
        for item in at(MEMORY["all"][start : start + 4096]):
            frames = _tracemalloc._get_object_traceback(item)
            if frames:
                numbers.append(stacks.setdefault(frames[:MOST_FRAMES], len(stacks)))
                addresses.append(id(item))
    with open(folder + "/traces.bin", "wb") as file:
        file.write(addresses.tobytes() + numbers.tobytes())
    told = [[[files.setdefault(name, len(files)), line] for name, line in frames] for frames in stacks]
    return {"count": len(addresses), "files": list(files), "stacks": told}


def theirs(name, folder):
    """A third party's probe: its text defines ``probe(objects)``, which answers with plain JSON."""
    space = {"__name__": "leakkit_probe_" + name}
    with open(folder + "/probe-" + name + ".py") as file:
        exec(compile(file.read(), "probe-" + name, "exec"), space)
    return lambda: space["probe"](at(MEMORY["all"]))


def find(name, folder, so_far):
    """The function that asks one tool."""
    built_in = {"objgraph": objgraph, "guppy3": lambda: guppy3(so_far), "tracemalloc": lambda: tracemalloc(folder)}
    return built_in.get(name) or theirs(name, folder)


def ask(name, folder, so_far):
    """What one tool says; what it imports is lent by leakkit, whatever the target has."""
    try:
        tool = find(name, folder, so_far)
        return {"status": "ok", "reason": "", "data": tool()}
    except Skip as error:
        return {"status": "skipped", "reason": str(error), "data": {}}
    except ImportError as error:
        return {"status": "skipped", "reason": "it cannot be imported in the target: %s" % error, "data": {}}
    except BaseException as error:
        return {"status": "failed", "reason": "%s: %s" % (type(error).__name__, error), "data": {}}


def refused(reason):
    """The answer of a tool whose own cannot be used."""
    return {"status": "failed", "reason": reason, "data": {}}


def tell(said, name, answer, folder):
    """Write what all tools have said, with the answer of one more."""
    import json
    import posix

    try:
        text = json.dumps(answer)
    except (TypeError, ValueError, RecursionError) as error:
        text = json.dumps(refused("its answer is not plain JSON: %s" % error))
    if len(text) > LARGEST_ANSWER:
        text = json.dumps(refused("its answer is larger than %d bytes" % LARGEST_ANSWER))
    said[name] = text
    with open(folder + "/second.json.part", "w") as file:
        file.write("{" + ", ".join([json.dumps(key) + ": " + value for key, value in said.items()]) + "}")
    posix.rename(folder + "/second.json.part", folder + "/second.json")


def run(names, folder):
    """Ask the tools one after the other."""
    gc.collect = lambda *_generation: 0  # both tools collect before they look, and finalizers reach out of a copy
    sys.path.insert(0, folder + "/lent")
    said = {}
    for name in names:

        def so_far(data, name=name):
            # What counts should the copy end before the tool does.
            tell(said, name, {"status": "ok", "reason": "", "data": data, "more": True}, folder)

        tell(said, name, ask(name, folder, so_far), folder)
