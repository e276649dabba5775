"""Gives the answers of other tools the names of the snapshot: addresses become types and nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from leakkit.capture.allocations import Recorded, join
from leakkit.capture.pack_graph import find_rows
from leakkit.probe_model import WindowFacts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from leakkit.capture.allocations import Stack
    from leakkit.probe_model import Allocations, ProbeResult
    from leakkit.snapshot_model import HeapGraph

MOST_KINDS: Final = 8
LONGEST_KIND: Final = 200


def named(result: ProbeResult, graph: HeapGraph) -> ProbeResult:
    """The result with types by name, and ``dominated`` and ``chains`` by node; others stay as they are."""
    convert = {"guppy3": _guppy3, "objgraph": _objgraph}.get(result.name)
    if convert is None or result.status != "ok":
        return result
    try:
        return replace(result, data=convert(result.data, graph))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        return replace(result, status="failed", reason=f"its answer is damaged: {type(error).__name__}", data={})


def tracebacks(result: ProbeResult, file: Path, graph: HeapGraph) -> tuple[Allocations | None, ProbeResult]:
    """What a tracemalloc of the target's own says, joined to the objects, and the result without its stacks.

    Args:
        result: of the probe ``tracemalloc``.
        file: the pairs of address and stack that go with it.
        graph: the snapshot's.
    """
    if result.status != "ok":
        return None, result
    try:
        address, number, stacks = _pairs(result.data, file)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, OSError) as error:
        return None, replace(result, status="failed", reason=f"its answer is damaged: {type(error).__name__}", data={})
    order = np.argsort(address, kind="stable")
    address, number = address[order], number[order]
    rows = find_rows(graph.address, address)
    known = rows >= 0
    facts = WindowFacts("tracemalloc", 0.0, len(rows), native=False, ended="asked")
    recorded = Recorded(address[known], graph.size[rows[known]], number[known], stacks, facts)
    none = np.zeros(0, np.int64)
    return join(recorded, graph.address, graph.size, none, none.astype(np.uint64)), replace(
        result, data={"objects": len(rows)}
    )


def _pairs(data: dict[str, Any], file: Path) -> tuple[NDArray[np.uint64], NDArray[np.int32], tuple[Stack, ...]]:
    """Addresses, the number of each one's stack, and the stacks; raises ValueError where they do not fit."""
    count, files = int(data["count"]), [str(name) for name in data["files"]]
    stacks = tuple(tuple(("line", files[int(f)], int(line)) for f, line in frames) for frames in data["stacks"])
    raw = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
    if len(raw) != 12 * count:
        raise ValueError(count)
    number = np.frombuffer(raw, "<u4", count, offset=8 * count).astype(np.int32)
    if count and not 0 <= int(number.min()) <= int(number.max()) < len(stacks):
        raise ValueError(count)
    return np.frombuffer(raw, "<u8", count), number, stacks


def _nodes(addresses: list[int], graph: HeapGraph) -> list[int]:
    return [int(row) for row in find_rows(graph.address, np.array(addresses, np.uint64))]


def _guppy3(data: dict[str, Any], graph: HeapGraph) -> dict[str, Any]:
    rows = _nodes([row[0] for row in data["types"]], graph)
    names = dict(zip(graph.type_node.tolist(), graph.types, strict=True))
    types: dict[str, list[int]] = {}
    for node, (_, count, size) in zip(rows, data["types"], strict=True):
        if node >= 0 and node in names:
            total = types.setdefault(names[node], [0, 0])
            total[0] += int(count)
            total[1] += int(size)
    nodes = _nodes([row[0] for row in data["dominated"]], graph)
    sizes = [int(row[1]) for row in data["dominated"]]
    dominated = [[n, size] for n, size in zip(nodes, sizes, strict=True) if n >= 0]
    return {"types": types, "dominated": dominated, "referrers": _referrers(data["referrers"], graph, names)}


def _referrers(said: dict[str, Any], graph: HeapGraph, names: dict[int, str]) -> dict[str, Any]:
    """The partition by referrers with the names of types; parts are None where one of them has no name here."""

    def named_types(addresses: list[int]) -> list[str | None]:
        return [names.get(node) for node in _nodes(addresses, graph)]

    rows = []
    for text, parts, count, size in said["rows"][:MOST_KINDS]:
        kinds = None
        if parts is not None:
            types = named_types([address for _, address in parts])
            kinds = [[bool(owned), name or ""] for (owned, _), name in zip(parts, types, strict=True)]
            if any(address and name is None for (_, address), name in zip(parts, types, strict=True)):
                kinds = None
        rows.append([str(text)[:LONGEST_KIND], kinds, int(count), int(size)])
    left_out = [name or "" for name in named_types(said["left_out"])]
    reason = " ".join(str(said["reason"]).split())[:LONGEST_KIND]
    totals = {name: int(said[name]) for name in ("kinds", "objects")}
    return {"rows": rows, **totals, "left_out": left_out, "reason": reason}


def _objgraph(data: dict[str, Any], graph: HeapGraph) -> dict[str, Any]:
    chains = []
    for row in data["chains"]:
        (node,) = _nodes([row["address"]], graph)
        steps = [[found, str(step[1])] for found, step in zip(
            _nodes([step[0] for step in row["chain"]], graph), row["chain"], strict=True
        )]  # fmt: skip
        chains.append({"node": node, "reaches_module": bool(row["reaches_module"]), "chain": steps})
    return {"counts": {str(name): int(count) for name, count in data["counts"].items()}, "chains": chains}
