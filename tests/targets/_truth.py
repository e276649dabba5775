"""What a real full collection frees, found in a throw-away child of the target; plain Python 3.9.

``serve()`` says READY; on STEP it forks a child that collects and writes to the file of ``sys.argv[1]`` a JSON
object: ``dead``, the addresses of tracked objects that are gone after the collection; ``ignored``, tuples and dicts
that a collection merely stops tracking; ``types``, the type name of each dead one.
"""

import gc
import json
import os
import sys

import _drive


def untracked_soon(objects):
    """Addresses of exact tuples and dicts that hold nothing tracked: a collection untracks them, alive or not."""
    soon, changed = set(), True
    candidates = [o for o in objects if type(o) in (tuple, dict)]
    while changed:
        changed = False
        for item in candidates:
            if id(item) not in soon:
                values = item if type(item) is tuple else item.values()
                if all(not gc.is_tracked(value) or id(value) in soon for value in values):
                    soon.add(id(item))
                    changed = True
    return soon


def collect_in_child(path):
    """Fork, collect there, write what died; the target itself stays as it was."""
    pid = os.fork()
    if pid == 0:
        try:
            objects = gc.get_objects()
            before = {id(item): type(item).__name__ for item in objects}
            ignored = untracked_soon(objects)
            del objects
            gc.collect()
            left = gc.get_objects()
            dead = set(before) - set(map(id, left))
            with open(path + ".part", "w") as file:
                json.dump({"dead": sorted(dead), "ignored": sorted(ignored), "types": {n: before[n] for n in dead}}, file)
            os.rename(path + ".part", path)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def serve():
    """READY, then one throw-away collection for each STEP; nothing is collected in between."""
    gc.disable()
    _drive.rounds(lambda number: collect_in_child(sys.argv[1]))


async def serve_async():
    """The same inside a running event loop."""
    gc.disable()

    async def step(number):
        collect_in_child(sys.argv[1])

    await _drive.async_rounds(step)
