"""A websocket service whose answers are trees with parent links: every answer is a reference cycle.

Usage: ``cyclic_server.py VARIANT PORT_FILE PAYLOAD_BYTES``.  ``leaky`` leaves the dead trees to the
collector, which looks at payload bytes never and at the old generation rarely; ``collect`` collects once
the service is idle after large answers.  Compression is off: see ``idle_server.py``.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import itertools
import signal
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

MAX_LIFE_SECONDS = 900
IDLE_SECONDS = 0.5
NODES = 20 * gc.get_threshold()[0] // 700
"""20, or 57 from Python 3.13 on, whose young collections come at 2000 containers instead of 700."""
PAYLOAD_BYTES = int(sys.argv[3])
BACKEND_SECONDS = itertools.cycle((0.15, 0.2, 0.25, 0.3))
"""How long the backend takes to answer."""


class Node:
    """Part of an answer; knows its parent, as in any DOM."""

    def __init__(self, tag: str, parent: Node | None = None) -> None:
        self.tag = tag
        self.parent = parent
        self.children: list[Node] = []
        self.payload = b""
        if parent is not None:
            parent.children.append(self)


def build(query: str) -> Node:
    """The document that answers a query: NODES nodes and one large rendering."""
    document = Node("document")
    for row in range(NODES - 1):
        Node(f"row-{row}", document)
    document.payload = query.encode().ljust(PAYLOAD_BYTES, b".")
    return document


async def answer(ws: ServerConnection, query: str) -> None:
    """Build the document, wait for a slow backend, send a summary."""
    document = build(query)
    await asyncio.sleep(next(BACKEND_SECONDS))
    await ws.send(f"{query}: {len(document.children)} rows, {len(document.payload)} bytes")


_answers: set[asyncio.Task[None]] = set()


def start_answer(ws: ServerConnection, query: str) -> asyncio.Task[None]:
    """Answer in a short-lived task of its own."""
    task = asyncio.create_task(answer(ws, query))
    _answers.add(task)
    task.add_done_callback(_answers.discard)
    return task


async def handler(ws: ServerConnection) -> None:
    """Leaky: no frame holds an answer once it is sent; its own cycle does."""
    async for message in ws:
        start_answer(ws, str(message))


async def handler_collecting(ws: ServerConnection) -> None:
    """Fix ``collect``: the same, and one full collection when the service is idle after large answers."""
    async for message in ws:
        start_answer(ws, str(message)).add_done_callback(collect_when_idle)


_collection: list[asyncio.TimerHandle] = []


def collect_when_idle(_: object = None) -> None:
    """Collect, and give the pages back, once nothing was answered for IDLE_SECONDS."""
    while _collection:
        _collection.pop().cancel()
    _collection.append(asyncio.get_running_loop().call_later(IDLE_SECONDS, collect))


def collect() -> None:
    """A full collection, then ``malloc_trim(0)`` where libc has it (glibc)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


HANDLERS = {"leaky": handler, "collect": handler_collecting}


def announce(port: int, port_file: Path) -> None:
    """Write the port for the clients, aside first."""
    aside = port_file.with_suffix(".part")
    aside.write_text(str(port))
    aside.rename(port_file)


async def main(variant: str, port_file: str) -> None:
    """Serve on a free port of loopback and write its number to the file."""
    async with serve(HANDLERS[variant], "127.0.0.1", 0, compression=None, max_size=None) as server:
        gc.collect()  # start-up's garbage goes now, not in the middle of a request
        announce(next(iter(server.sockets)).getsockname()[1], Path(port_file))
        await asyncio.sleep(MAX_LIFE_SECONDS)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
