"""The walk: every object that can be reached in the copy, its references, size and true reference count.

``walk_heap`` is the seam: a native core may replace it as long as it writes the same columns.  The order of
steps matters: the tracked objects are listed before we make many, references are taken before anything is
made visible by asking for it, and reference counts are read when each node is held exactly once by us.
"""

import gc
import itertools
import sys

A = globals()["A"]

CHUNK = 2048
SPECIAL = set(A.kinds.suspendable_ids)
ONLY_ITS_DICT = None
if sys.version_info[:2] == (3, 12):
    ONLY_ITS_DICT = sys.modules.get("_asyncio")  # 3.12.1: a second visit of that module never returns
elif sys.version_info < (3, 10):
    ONLY_ITS_DICT = sys.modules.get("atexit")  # its callbacks are given as roots, as in later versions
if type(ONLY_ITS_DICT) is type(sys):
    SPECIAL.add(id(type(sys)))
else:
    ONLY_ITS_DICT = None


def tracked():
    """Tracked objects, youngest first, as (objects, counts of generations 0, 1, 2 and frozen)."""
    lists = [gc.get_objects(generation=0), gc.get_objects(generation=1)]
    frozen = gc.get_freeze_count()
    if frozen:
        gc.unfreeze()  # in the copy only; they become the newest of generation 2
    lists.append(gc.get_objects(generation=2))
    young = lists[0]
    for index in range(len(young) - 1, -1, -1):
        if young[index] is A.sentinel:
            del young[index:]
            break
    own = A.own
    lists = [[item for item in items if id(item) not in own] for items in lists]
    counts = [len(lists[0]), len(lists[1]), max(len(lists[2]) - frozen, 0)]
    counts.append(len(lists[2]) - counts[2])
    return list(itertools.chain.from_iterable(lists)), counts


def referents_of(chunk, kinds, special):
    """References of each object of the chunk.

    With those corrected that the collector's own visitor sees otherwise.
    """
    if special and ONLY_ITS_DICT is not None:
        # Its dict stands for it: a module refers to that and nothing else.
        chunk = [(A.extras.MODULE_DICT(item),) if item is ONLY_ITS_DICT else item for item in chunk]
    found = list(map(gc.get_referents, chunk))
    if special and sys.version_info >= (3, 14):
        suspendable = A.borrowed.KINDS
        for index, kind in enumerate(kinds):
            if kind in suspendable:
                found[index] = A.borrowed.without(chunk[index], found[index])
    return found


def walk_heap(seeds):
    """Write the graph's columns; returns (nodes, type ids, table of types).

    Args:
        seeds: objects that running frames and the interpreter hold, tracked or not.
    """
    nodes, counts = tracked()
    known = set(map(id, nodes))
    A.known_ids, total_tracked = known, len(nodes)
    A.tracked_count = total_tracked
    seen = A.types_seen.Table()
    extras = A.extras.Extras(known)
    kinds = A.dump_file.array("Q")
    handlers, unknown = {}, set()
    admit(seeds, nodes, known, unknown)
    position = 0
    while position < len(nodes):
        A.clock.check()
        position = walk_chunk(nodes, position, known, unknown, kinds, handlers, seen, extras)
    extras.owners_of_hollow(nodes, kinds, seen)
    extras.write()
    A.dump.write("type", kinds)
    record = {
        "generations": counts,
        "tracked": total_tracked,
        "nodes": len(nodes),
        "reversed": reversed_kinds(),
    }
    A.dump.write_json("counts", record)
    big = [nodes, known, unknown, extras.known_key_sets]
    write_refcounts(nodes)
    write_held(big, unknown)
    write_sizes(nodes, kinds, seen)
    name_classes(nodes, kinds, seen)
    seen.write()
    return nodes, kinds, seen


def reversed_kinds():
    """Names of the sequence types that visit their elements from the last to the first."""
    pair = [object(), object()]
    return [type(both).__name__ for both in (pair, tuple(pair)) if gc.get_referents(both)[0] is both[1]]


TUPLES_REVERSED = "tuple" in reversed_kinds()


def walk_chunk(nodes, position, known, unknown, kinds, handlers, seen, extras):
    """References of the next objects; returns the position after them."""
    chunk = nodes[position : position + CHUNK]
    types = list(map(type, chunk))
    numbers = list(map(id, types))
    distinct = dict(zip(numbers, types))
    for number, kind in distinct.items():
        if number not in handlers:
            handlers[number] = extras.handler(seen.get(kind))
    found = referents_of(chunk, numbers, not SPECIAL.isdisjoint(numbers))
    flat = list(itertools.chain.from_iterable(found))
    targets = A.dump_file.array("Q", map(id, flat))
    fresh = dict(zip(targets, flat))
    admit([fresh[number] for number in itertools.filterfalse(known.__contains__, fresh)], nodes, known, unknown)
    kinds.extend(numbers)
    A.dump.write("node", A.dump_file.array("Q", map(id, chunk)))
    A.dump.write("degree", A.dump_file.array("I", map(len, found)))
    A.dump.write("edge", targets)
    busy = {number for number in distinct if handlers[number] is not None}
    if busy:
        for item, referents, number in zip(chunk, found, numbers):
            if number in busy:
                handlers[number](item, referents)
    admit(extras.take_fresh(), nodes, known, unknown)
    extras.write()
    return position + len(chunk)


def admit(items, nodes, known, unknown):
    """Make nodes of objects not met before.

    A tracked one that was in no generation is our own (or on a private list of a collection in progress):
    no node.
    """
    is_tracked = gc.is_tracked
    for item in items:
        number = id(item)
        if number not in known:
            if number in A.own:
                continue
            if is_tracked(item):
                unknown.add(number)
            else:
                known.add(number)
                nodes.append(item)


def write_refcounts(nodes):
    """True reference counts plus what a list and the call add, the same for all.

    ``nodes`` alone holds them now.
    """
    probes = [object() for _ in range(4)]
    A.dump.write_json("refs_added", list(map(sys.getrefcount, probes))[0])
    del probes
    array, step = A.dump_file.array, 1 << 16
    for start in range(0, len(nodes), step):
        A.clock.check()
        A.dump.write("refs", array("q", map(sys.getrefcount, itertools.islice(nodes, start, start + step))))


def write_sizes(nodes, kinds, seen):
    """Shallow sizes, and which finalizers have run."""
    sizes = {number: facts.size_of for number, facts in seen.by_id.items()}
    array, step = A.dump_file.array, 1 << 16
    for start in range(0, len(nodes), step):
        A.clock.check()
        chunk, numbers = nodes[start : start + step], kinds[start : start + step]
        try:
            column = array("q", [sizes[number](item) for number, item in zip(numbers, chunk)])
        except Exception:
            column = array("q", [one_size(sizes[number], item) for number, item in zip(numbers, chunk)])
        A.dump.write("size", column)
    with_finalizer = {number for number, facts in seen.by_id.items() if facts.finalizer}
    done = [id(item) for number, item in zip(kinds, nodes) if number in with_finalizer and gc.is_finalized(item)]
    A.dump.write("finalized", array("Q", done))


def name_classes(nodes, kinds, seen):
    """Put the classes without instances into the table too, so that they have names."""
    metaclasses = {number for number, facts in seen.by_id.items() if facts.flags & A.types_seen.TYPE}
    for number, item in zip(kinds, nodes):
        if number in metaclasses:
            seen.get(item)


def one_size(size_of, item):
    """The size, or 0 when the object's own C code fails."""
    try:
        return min(size_of(item), 1 << 62)
    except Exception:
        return 0


def write_held(big, unknown):
    """What our own objects add to reference counts, and objects that are in no generation and not ours.

    Args:
        big: lists and sets of ours that hold each object once or none of the target's.
        unknown: ids of tracked objects met but not listed.
    """
    young = gc.get_objects(generation=0)
    start = next((index for index in range(len(young) - 1, -1, -1) if young[index] is A.sentinel), 0)
    del young[:start]
    unknown.difference_update(map(id, young))
    A.dump.write("unknown", A.dump_file.array("Q", unknown))
    skip, held = A.uncounted.union(map(id, big)), {}
    skip.add(id(big))
    for item in itertools.chain(young, A.own.values(), A.people.local_dicts):
        if id(item) not in skip:
            skip.add(id(item))
            for target in gc.get_referents(item):
                held[id(target)] = held.get(id(target), 0) + 1
    A.dump.write("held_node", A.dump_file.array("Q", held))
    A.dump.write("held_count", A.dump_file.array("I", held.values()))
