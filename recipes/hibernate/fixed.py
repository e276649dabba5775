"""The same handlers; they shed the answer before they wait."""

import asyncio
import json
import os
import sys
from pathlib import Path


class Connection:
    """What a handler sees of a websocket."""

    def __init__(self):
        self.incoming = asyncio.Queue()
        self.answered = asyncio.Event()
        self.sent = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.incoming.get()

    async def send(self, data):
        """Pretend to send."""
        self.sent += len(data)
        self.answered.set()


def build(message):
    """The rows that answer a message."""
    return [{"id": row, "text": f"{message}, row {row} " * 40} for row in range(500)]


async def handler(connection):
    """Answer each message."""
    async for message in connection:
        items = build(message)
        data = json.dumps(items)
        await connection.send(data)
        del message, items, data


loop = asyncio.new_event_loop()
tasks = []


async def connect(number):
    """Ten more connections, each gets one answer and stays open."""
    for index in range(10):
        connection = Connection()
        tasks.append(loop.create_task(handler(connection)))
        connection.incoming.put_nowait(f"query {number}-{index}")
        await connection.answered.wait()


def work(number):
    """Do one round."""
    loop.run_until_complete(connect(number))


async def hang_up():
    """Close all connections."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main():
    """Run five rounds, or one for each line of stdin with ``--steps``; say what is resident after each."""
    print("READY", flush=True)
    for number, _ in enumerate(sys.stdin if "--steps" in sys.argv else range(5)):
        work(number)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print(pages * os.sysconf("SC_PAGE_SIZE") // 1000000, "MB resident")
        print("READY", flush=True)


if __name__ == "__main__":
    main()
    loop.run_until_complete(hang_up())
    loop.close()
