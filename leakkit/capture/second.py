"""Gives the answers of other tools the names of the snapshot: addresses become types and nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.capture.pack_graph import find_rows

if TYPE_CHECKING:
    from leakkit.probe_model import ProbeResult
    from leakkit.snapshot_model import HeapGraph


def named(result: ProbeResult, graph: HeapGraph) -> ProbeResult:
    """The result with ``types`` by name and ``dominated`` and ``chains`` by node; others stay as they are."""
    convert = {"guppy3": _guppy3, "objgraph": _objgraph}.get(result.name)
    if convert is None or result.status != "ok":
        return result
    try:
        return replace(result, data=convert(result.data, graph))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        return replace(result, status="failed", reason=f"its answer is damaged: {type(error).__name__}", data={})


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
    return {"types": types, "dominated": [[n, size] for n, size in zip(nodes, sizes, strict=True) if n >= 0]}


def _objgraph(data: dict[str, Any], graph: HeapGraph) -> dict[str, Any]:
    chains = []
    for row in data["chains"]:
        (node,) = _nodes([row["address"]], graph)
        steps = [[found, str(step[1])] for found, step in zip(
            _nodes([step[0] for step in row["chain"]], graph), row["chain"], strict=True
        )]  # fmt: skip
        chains.append({"node": node, "reaches_module": bool(row["reaches_module"]), "chain": steps})
    return {"counts": {str(name): int(count) for name, count in data["counts"].items()}, "chains": chains}
