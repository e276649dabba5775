"""From the copy's dump to the snapshot file, compiled kernels beside numpy, in one run.

    python benchmarks/packing.py [--objects 1000000 10000000] [--plain-up-to 2000000]

The dump is made of a synthetic heap whose objects come in the order of their generations (shuffled in blocks of
1,000, as long lists of the collector are), with a kind and a name for each reference, as the native walk writes it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from synthetic_heap import build
from tabulate import tabulate

from leakkit import store
from leakkit.capture.pack_graph import build_graph
from leakkit.capture.raw_dump import RawDump
from leakkit.snapshot_model import EDGE_EXTRA


def dump_of(objects: int) -> tuple[RawDump, object]:
    """A dump of a synthetic heap, and the snapshot around it."""
    snapshot = build(objects)
    graph = snapshot.graph
    n = graph.node_count
    blocks = np.random.default_rng(2).permutation(-(-n // 1000))
    order = (blocks[:, None] * 1000 + np.arange(1000)).reshape(-1)
    order = order[order < n]
    degree = np.diff(graph.edge_start)[order]
    first = np.cumsum(degree) - degree
    pick = np.repeat(graph.edge_start[:-1][order] - first, degree) + np.arange(graph.edge_count)
    type_ids = np.arange(len(graph.types), dtype=np.uint64) * 64 + 64
    columns = {
        "node": graph.address[order], "degree": degree, "type": type_ids[graph.type_id[order]], "size": graph.size[order],
        "refs": graph.refcount[order] + 1, "edge": graph.address[graph.edge_target[pick]],
        "edge_kind": graph.edge_kind[pick] & ~np.uint8(EDGE_EXTRA), "edge_name": graph.edge_name[pick],
        "string_length": np.array([len(s) for s in graph.strings], np.int64),
        "string_bytes": np.frombuffer("".join(graph.strings).encode(), np.uint8),
    }  # fmt: skip
    types = [[int(i), name, 0, 0] for i, name in zip(type_ids, graph.types, strict=True)]
    records = {"refs_added": 1, "types": types, "counts": {"generations": [0, 0, n, 0], "reversed": ["tuple"]}}
    return RawDump(columns, records), snapshot


def measure(objects: int) -> None:
    """Pack and write one dump; prints seconds, CPU seconds and bytes as JSON."""
    import dataclasses

    dump, snapshot = dump_of(objects)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.leak")
        clocks = [(time.perf_counter(), time.process_time())]
        packed = build_graph(dump, has_immortals=False)
        clocks.append((time.perf_counter(), time.process_time()))
        store.write(dataclasses.replace(snapshot, graph=packed.graph), file)
        clocks.append((time.perf_counter(), time.process_time()))
        size = file.stat().st_size
    spans = [[b - a for a, b in zip(*pair, strict=True)] for pair in itertools.pairwise(clocks)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {"pack": spans[0], "write": spans[1], "size": size, "peak": peak, "objects": packed.graph.node_count}
        )
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--plain-up-to", type=int, default=2_000_000, help="larger dumps only with compiled kernels")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.measure)
    rows = []
    for objects in options.objects:
        for name, switch in (("native", "0"), ("plain", "1")):
            if name == "plain" and objects > options.plain_up_to:
                continue
            command = [sys.executable, __file__, "--measure", str(objects)]
            done = subprocess.run(
                command, env=os.environ | {"LEAKKIT_NO_NATIVE": switch}, capture_output=True, text=True, check=True
            )
            found = json.loads(done.stdout)
            times = [f"{wall:.2f} ({cpu:.2f})" for wall, cpu in (found["pack"], found["write"])]
            rows.append(
                [f"{found['objects']:,}", name, *times, f"{found['size'] / 1e6:.1f}", f"{found['peak'] / 1e6:,.0f}"]
            )
    print(
        tabulate(
            rows,
            ["objects", "kernels", "pack s (CPU s)", "write s (CPU s)", "file MB", "peak MB"],
            disable_numparse=True,
        )
    )
    return None


if __name__ == "__main__":
    main()
