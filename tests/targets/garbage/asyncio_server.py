"""A real server on loopback whose handlers make trees with parent links, with connections open and closed."""
import asyncio
import gc
import _truth


class Node:
    def __init__(self, parent, depth):
        self.parent = parent
        self.children = [Node(self, depth - 1) for _ in range(2)] if depth else []
        self.payload = b"p" * 1000


async def handle(reader, writer):
    tree = Node(None, 3)
    while True:
        line = await reader.readline()
        if not line:
            break
        tree = Node(None, 3)
        writer.write(line)
        await writer.drain()
    writer.close()


async def main():
    gc.disable()
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    kept = []
    for number in range(6):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"hello\n")
            await reader.readline()
        if number % 2:
            kept.append((reader, writer))
        else:
            writer.close()
    await asyncio.sleep(0.1)
    del reader, writer
    await _truth.serve_async()


asyncio.run(main())
