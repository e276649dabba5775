"""Both walks say the same of the memory that objects own outside of themselves."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import pytest
from support import Interpreter, Target

from leakkit.capture import pack
from leakkit.capture.handover import Handover, Request, agent_files
from leakkit.capture.ladder import enter
from leakkit.capture.processes import read_process
from leakkit.capture.raw_dump import read_dump
from leakkit.capture.take import OBJECT, take_snapshot, walk_object

pytestmark = pytest.mark.real
SECONDS = 60.0


def owned(pid: int, *, native: bool) -> dict[int, list[int]]:
    """Buffers by the address of their owner, as the walk writes them when a window was open."""
    process, files = read_process(pid), agent_files(pack.AGENT_FILES)
    walk = walk_object() if native else None
    if walk is not None:
        files[OBJECT] = walk
    request = Request(False, SECONDS, SECONDS, 0.8, SECONDS if walk is not None else 0.0, window="/gone")
    found: dict[int, list[int]] = defaultdict(list)
    with Handover(process, files, request) as handover:
        enter(process, handover, SECONDS, lambda line: None)
        until = time.monotonic() + SECONDS
        while (done := handover.read_json("done.json")) is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert done["ok"], done
        dump = read_dump(handover.dump())
        for owner, at in zip(dump.column("buffer_node", "u8").tolist(), dump.column("buffer_at", "u8").tolist(), strict=True):
            found[owner].append(at)
    return found


def test_both_walks_find_the_same_buffers(interpreter: Interpreter) -> None:
    """Asked twice of the native walk and once of the other: where the first two agree, the third does."""
    if walk_object() is None:
        pytest.skip("the native walk was not compiled")
    with Target("probes/owners.py", interpreter) as target:
        first, other, last = (owned(target.pid, native=native) for native in (True, False, True))
        graph = take_snapshot(target.pid).graph
    kinds = dict(zip(graph.address.tolist(), (graph.types[number] for number in graph.type_id), strict=True))
    same, different = Counter[str](), Counter[str]()
    for owner, buffers in first.items():
        if owner in kinds and last.get(owner) == buffers:
            (same if sorted(other.get(owner, [])) == sorted(buffers) else different)[kinds[owner]] += 1
    for name in ("list", "dict", "set", "frozenset", "bytearray", "array.array", "collections.deque", "collections.OrderedDict", "__main__.Slotted", "_io.BytesIO"):
        assert same[name] >= 100, (name, same[name], different[name])
    assert same["str"] >= 100
    if interpreter.minor in ((3, 11), (3, 12)):
        assert same["__main__.Plain"] >= 100
    # What the agents themselves leave or change in the target between the walks.
    assert different.total() <= 20, different
    assert {kinds[owner] for owner in other if owner in kinds and owner not in first and owner not in last} <= {"dict", "list", "str", "set"}
