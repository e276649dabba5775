"""A websocket service; idle connections keep their last answer."""

import asyncio
import json

from websockets.asyncio.server import serve


def build(query):
    """The rows that answer a query."""
    return [{"id": row, "query": query, "text": f"{query}, row {row}: " * 60} for row in range(500)]


async def handler(connection):
    """Answer each query of a connection."""
    async for query in connection:
        rows = build(query)
        data = json.dumps(rows)
        await connection.send(data)


async def main():
    """Serve on a free port of loopback and say which; compression is off, it has buffers of its own."""
    async with serve(handler, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None) as server:
        print("PORT", next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
