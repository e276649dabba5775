"""The clients of the demonstration: they connect, ask, read the answer, and stay connected.

Usage: ``clients.py PORT_FILE``.  A line on stdin is pairs of a command and its number, answered by ``DONE``
on stdout when it is carried out: ``CONNECT N`` opens connections up to N in all and each new one asks once;
``ASK TIMES`` lets every connection ask that often, everything at once.  Ends with its stdin.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CONNECT_PARALLEL = 10
"""How many new connections ask at once: a service comes under load step by step."""


async def ask(ws: ClientConnection, query: str, times: int = 1) -> None:
    """So many queries at once, as a page with several widgets does; then their whole answers."""
    for turn in range(times):
        await ws.send(f"{query}-{turn}")
    for _ in range(times):
        await ws.recv()


async def open_connections(port: int, connections: list[ClientConnection], total: int) -> None:
    """Connect until there are so many; each new one asks once."""
    gate = asyncio.Semaphore(CONNECT_PARALLEL)

    async def welcome(ws: ClientConnection, number: int) -> None:
        async with gate:
            await ask(ws, f"welcome-{number}")

    options: dict[str, Any] = {"compression": None, "max_size": None, "ping_interval": None}
    new = [await connect(f"ws://127.0.0.1:{port}", **options) for _ in range(total - len(connections))]
    connections += new
    await asyncio.gather(*(welcome(ws, number) for number, ws in enumerate(new)))


async def obey(words: list[str], port: int, connections: list[ClientConnection]) -> None:
    """Carry out one line of stdin: pairs of a command and its number."""
    for command, number in zip(words[::2], map(int, words[1::2]), strict=True):
        if command == "CONNECT":
            await open_connections(port, connections, number)
        elif command == "ASK":
            await asyncio.gather(*(ask(ws, f"query-{index}", number) for index, ws in enumerate(connections)))


def wait_for_port(port_file: Path) -> int:
    """The server's port, once it has written it."""
    while not port_file.exists():
        time.sleep(0.05)
    return int(port_file.read_text())


async def main(port: int) -> None:
    """Obey until stdin ends."""
    connections: list[ClientConnection] = []
    loop = asyncio.get_running_loop()
    print("READY", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if command := line.split():
            await obey(command, port, connections)
            print("DONE", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(wait_for_port(Path(sys.argv[1]))))
