"""Second opinions: lets other tools look at the frozen copy after it was walked.

Runs in the copy, and only there: these tools run Python code and keep structures of their own.  ``remember`` notes the
walk's objects as addresses, so that the walk's lists can go before the tools look; ``run`` asks each tool and writes
``second.json``.  A tool that fails says why and costs the others nothing.
"""

import gc
import sys
import time
from array import array

EXEMPLARS = 6
MOST_OBJECTS = 3000000
"""Above so many objects guppy3 is not asked: it keeps every one in a set of its own."""
CHAIN_SECONDS = 10.0
LARGEST_ANSWER = 3 << 20
MOST_FRAMES = 20
CONTAINERS = (dict, list, set)
MEMORY = {}


def remember(nodes, tracked, size_of):
    """Note addresses: of all objects, of the tracked ones, and of the largest containers."""
    MEMORY["all"] = array("Q", map(id, nodes))
    MEMORY["tracked"] = tracked
    large = [item for item in nodes[:tracked] if type(item) in CONTAINERS]
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


def guppy3():
    """Counts and bytes by type of all objects, and what each exemplar dominates."""
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
    return {"types": rows, "dominated": dominated}


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


TOOLS = {"objgraph": objgraph, "guppy3": guppy3}


def theirs(name, folder):
    """A third party's probe: its text defines ``probe(objects)``, which answers with plain JSON."""
    space = {"__name__": "leakkit_probe_" + name}
    with open(folder + "/probe-" + name + ".py") as file:
        exec(compile(file.read(), "probe-" + name, "exec"), space)
    return lambda: space["probe"](at(MEMORY["all"]))


def ask(name, folder):
    """What one tool says; what it imports is lent by leakkit, whatever the target has."""
    try:
        if name == "tracemalloc":
            return {"status": "ok", "reason": "", "data": tracemalloc(folder)}
        tool = TOOLS.get(name) or theirs(name, folder)
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


def run(names, folder):
    """Ask the tools one after the other."""
    import json
    import posix

    gc.collect = lambda *_generation: 0  # both tools collect before they look, and finalizers reach out of a copy
    sys.path.insert(0, folder + "/lent")
    sys.path_importer_cache.clear()
    said = {}
    for name in names:
        answer = ask(name, folder)
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
