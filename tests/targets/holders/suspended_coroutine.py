# expect: retention=long-lived holder=suspended-frame name=handler fix=hibernate|isolate verdict=leak|suspect snapshots=3 file=self at="async for"
"""Connection handlers in the websockets idiom: each pins its last reply while it waits for the next message."""

import asyncio
import json

import _drive


class Connection:
    """The part of a websocket that a handler sees: messages come in, replies go out."""

    def __init__(self):
        self.incoming = asyncio.Queue()
        self.sent = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self.incoming.get()
        if message is None:
            raise StopAsyncIteration
        return message

    async def send(self, data):
        self.sent += len(data)
        await asyncio.sleep(0)


def build(message):
    return [{"id": index, "name": "%s item %d" % (message, index)} for index in range(1500)]


async def handler(connection):
    async for message in connection:
        items = build(message)
        data = json.dumps(items)
        await connection.send(data)


async def main():
    connections = []
    tasks = set()

    async def step(number):
        for index in range(10):
            connection = Connection()
            connections.append(connection)
            task = asyncio.ensure_future(handler(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            connection.incoming.put_nowait("query-%d-%d" % (number, index))
        while any(connection.sent == 0 for connection in connections):
            await asyncio.sleep(0.01)

    await _drive.async_rounds(step)


asyncio.run(main())
