"""The process that is measured: a heap of N objects, a ticker thread, and the peers that work from inside.

Speaks lines on stdin: ``run NAME`` runs a peer, ``tick`` resets the ticker, ``gap`` reports it, ``mark`` resets the
peak of resident memory.  Answers are one JSON line each.
"""

from __future__ import annotations

import json
import sys
import threading
import time


class Record:
    """A row with a key, a payload and a link to its neighbour."""

    def __init__(self, number: int, neighbour: Record | None) -> None:
        self.key = "record-" + str(number)
        self.payload = [number, (number, str(number) + "x"), {"size": float(number)}]
        self.neighbour = neighbour


OBJECTS_PER_RECORD = 9
"""Record, key, list, int, tuple, str, dict, float, and (to 3.10) the instance dict; counted, not assumed, in the report."""


def build(objects: int) -> list[Record]:
    """A list of records, each linked to the one a hundred before it."""
    records: list[Record] = []
    for number in range(objects // OBJECTS_PER_RECORD):
        records.append(Record(1000 + number, records[-100] if number >= 100 else None))
    return records


class Ticker(threading.Thread):
    """Measures for how long no Python code of another thread ran."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0

    def run(self) -> None:
        """Tick every millisecond and keep the longest gap, in seconds."""
        last = time.perf_counter()
        while True:
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now


def peer_guppy3(_: list[Record]) -> object:
    from guppy import hpy

    return hpy().heap()


def peer_objgraph_growth(_: list[Record]) -> object:
    import objgraph

    objgraph.growth(limit=10)
    return objgraph.growth(limit=10)


def peer_objgraph_backref(records: list[Record]) -> object:
    import objgraph

    return len(objgraph.find_backref_chain(records[-1].payload[2], objgraph.is_proper_module))


def peer_pympler(_: list[Record]) -> object:
    from pympler import muppy, summary

    return len(summary.summarize(muppy.get_objects()))


def peer_nothing(_: list[Record]) -> object:
    return time.sleep(2.0)


def peer_collect(_: list[Record]) -> object:
    import gc

    return gc.collect()


PEERS = {
    "nothing for 2 s": peer_nothing,
    "gc.collect()": peer_collect,
    "guppy3 hpy().heap()": peer_guppy3,
    "objgraph growth()": peer_objgraph_growth,
    "objgraph find_backref_chain()": peer_objgraph_backref,
    "Pympler muppy + summary": peer_pympler,
}


def status(field: str) -> int:
    """A memory field of this process's status, in bytes."""
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    """Build the heap, then obey lines on stdin."""
    records = build(int(sys.argv[1]))
    ticker = Ticker()
    ticker.start()
    print(json.dumps({"ready": len(records), "rss": status("VmRSS")}), flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        answer: dict[str, object] = {}
        if command == "mark":
            with open("/proc/self/clear_refs", "w") as clear:
                clear.write("5")
            ticker.longest = 0.0
        elif command == "read":
            answer = {"gap": ticker.longest, "rss": status("VmRSS"), "peak": status("VmHWM")}
        elif command == "run":
            begin = time.perf_counter()
            PEERS[argument](records)
            answer = {"seconds": time.perf_counter() - begin}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
