"""A websocket service that answers each query with a large JSON document.

Usage: ``idle_server.py VARIANT PORT_FILE ROWS``.  ``leaky`` is the idiom that everybody writes; ``hibernate``
and ``isolate`` are the two ways to repair it.  Compression is off: permessage-deflate contexts would add
some hundred kB to each connection and hide what the demonstration is about.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import signal
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

MAX_LIFE_SECONDS = 900
ROWS = int(sys.argv[3])


def build(query: str) -> list[dict[str, object]]:
    """The rows that answer a query: 3 kB of text each."""
    return [{"id": row, "query": query, "text": f"{query}, row {row}: " * 120} for row in range(ROWS)]


async def handler(ws: ServerConnection) -> None:
    """Leaky: ``items`` and ``data`` of the last message stay alive while the frame waits for the next."""
    async for message in ws:
        items = build(str(message))
        data = json.dumps(items)
        await ws.send(data)


async def handler_hibernating(ws: ServerConnection) -> None:
    """Fix ``hibernate``: shed the locals before the next wait."""
    async for message in ws:
        items = build(str(message))
        data = json.dumps(items)
        del items
        await ws.send(data)
        del message, data
        trim_when_idle()


async def answer(ws: ServerConnection, query: str) -> None:
    """Do the whole work in a frame of its own, which is gone when the answer is out."""
    await ws.send(json.dumps(build(query)))


async def handler_isolating(ws: ServerConnection) -> None:
    """Fix ``isolate``: the long-lived frame never sees the data."""
    async for message in ws:
        await answer(ws, str(message))
        trim_when_idle()


_trim: list[asyncio.TimerHandle] = []


def trim_when_idle(seconds: float = 0.5) -> None:
    """Give malloc's free pages back once nothing was answered for that long."""
    while _trim:
        _trim.pop().cancel()
    _trim.append(asyncio.get_running_loop().call_later(seconds, malloc_trim))


def malloc_trim() -> None:
    """``malloc_trim(0)`` where libc has it (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


HANDLERS = {"leaky": handler, "hibernate": handler_hibernating, "isolate": handler_isolating}


def announce(port: int, port_file: Path) -> None:
    """Write the port for the clients, aside first."""
    aside = port_file.with_suffix(".part")
    aside.write_text(str(port))
    aside.rename(port_file)


async def main(variant: str, port_file: str) -> None:
    """Serve on a free port of loopback and write its number to the file."""
    async with serve(HANDLERS[variant], "127.0.0.1", 0, compression=None, max_size=None) as server:
        announce(next(iter(server.sockets)).getsockname()[1], Path(port_file))
        await asyncio.sleep(MAX_LIFE_SECONDS)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
