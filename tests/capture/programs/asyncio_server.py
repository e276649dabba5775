"""A real HTTP server on asyncio; prints its port. asyncio's debug log and every error go to stderr."""
import asyncio
import gc
import json


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /gc "):
                body = json.dumps([gc.get_stats(), gc.isenabled(), gc.get_threshold(), gc.get_count()]).encode()
            else:
                await asyncio.sleep(0)
                body = json.dumps([{"number": number} for number in range(50)]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.collect()
    print("READY", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
