"""One more client an operation: it asks once and stays connected."""

import asyncio
import os

from websockets.asyncio.client import connect

loop = asyncio.new_event_loop()
connections = []


async def ask(number):
    """Connect, ask, read the answer."""
    uri = f"ws://127.0.0.1:{os.environ['RECIPE_PORT']}"
    connection = await connect(uri, compression=None, max_size=None, ping_interval=None)
    connections.append(connection)
    await connection.send(f"query {number}")
    await connection.recv()


def operation(number):
    """A client comes and stays."""
    loop.run_until_complete(ask(number))
