"""The service of docs/story.md: each query is answered with rows as XML, through the standard library's DOM.

Usage: ``server.py VARIANT PORT_FILE ROWS``.  ``first`` is as it was written; ``isolated`` is after the first round of
repair: each answer is made in a task of its own; ``collected`` is after the second: a full collection some time after a
large reply.  The DOM's nodes know their parents: that code is not ours, and ``unlink()`` is nothing it asks for.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import itertools
import signal
import sys
from pathlib import Path
from xml.dom import minidom

from websockets.asyncio.server import ServerConnection, serve

MAX_LIFE_SECONDS = 900
COLLECT_SECONDS = 1.0
ROWS = int(sys.argv[3])
AUDIT_SECONDS = itertools.cycle((0.15, 0.2, 0.25, 0.3))
"""How long the audit log takes to take an answer down."""


def build(query: str) -> list[str]:
    """The rows that answer a query: 3 kB of text each."""
    return [f"{query}, row {row}: " * 150 for row in range(ROWS)]


def to_document(rows: list[str]) -> minidom.Document:
    """The rows as a DOM, ten to an element."""
    document = minidom.Document()
    answer = document.appendChild(document.createElement("answer"))
    for start in range(0, len(rows), 10):
        part = answer.appendChild(document.createElement("part"))
        part.appendChild(document.createTextNode("\n".join(rows[start : start + 10])))
    return document


async def handler(ws: ServerConnection) -> None:
    """As it was written: everything of the last answer stays in the frame that waits for the next query."""
    async for query in ws:
        rows = build(str(query))
        document = to_document(rows)
        data = document.toxml()
        await asyncio.sleep(next(AUDIT_SECONDS))
        await ws.send(data)


async def answer(ws: ServerConnection, query: str) -> None:
    """One answer, in a frame that ends with it."""
    rows = build(query)
    document = to_document(rows)
    data = document.toxml()
    await asyncio.sleep(next(AUDIT_SECONDS))
    await ws.send(data)


_answers: set[asyncio.Task[None]] = set()


def start_answer(ws: ServerConnection, query: str) -> asyncio.Task[None]:
    """Answer in a short-lived task that replies directly."""
    task = asyncio.create_task(answer(ws, query))
    _answers.add(task)
    task.add_done_callback(_answers.discard)
    return task


async def handler_isolated(ws: ServerConnection) -> None:
    """After the first round: the frame that waits has never seen an answer."""
    async for query in ws:
        start_answer(ws, str(query)).add_done_callback(trim_later)


async def handler_collected(ws: ServerConnection) -> None:
    """After the second round: a full collection some time after a large reply."""
    async for query in ws:
        start_answer(ws, str(query)).add_done_callback(collect_later)


_timer: list[asyncio.TimerHandle] = []


def _later(action: object) -> None:
    while _timer:
        _timer.pop().cancel()
    _timer.append(asyncio.get_running_loop().call_later(COLLECT_SECONDS, action))  # type: ignore[arg-type]


def trim() -> None:
    """Give malloc's free pages back (glibc)."""
    ctypes.CDLL(None).malloc_trim(0)


def collect() -> None:
    """A full collection, then a trim."""
    gc.collect()
    trim()


def trim_later(_: object = None) -> None:
    """Trim when nothing was answered for a while."""
    _later(trim)


def collect_later(_: object = None) -> None:
    """Collect when nothing was answered for a while."""
    _later(collect)


HANDLERS = {"first": handler, "isolated": handler_isolated, "collected": handler_collected}


async def main(variant: str, port_file: Path) -> None:
    """Serve on a free port of loopback and write its number to the file, aside first."""
    async with serve(HANDLERS[variant], "127.0.0.1", 0, compression=None, max_size=None) as server:
        aside = port_file.with_suffix(".part")
        aside.write_text(str(next(iter(server.sockets)).getsockname()[1]))
        aside.rename(port_file)
        await asyncio.sleep(MAX_LIFE_SECONDS)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
