"""A real ASGI service: ``asgi_service.py LOG_SIZE PORT_FILE leaky|filling|sawtooth|fixed``; when leaky it keeps LOG_SIZE bytes a request."""

from __future__ import annotations

import asyncio
import functools
import itertools
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

SIZE, PORT_FILE, VARIANT = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
app = FastAPI()
audit_log: list[bytes] = []
requests = itertools.count()


@functools.lru_cache(maxsize=1_000_000)
def look_up(key: int) -> bytes:
    return bytes(SIZE)


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    if VARIANT == "leaky":
        audit_log.append(bytes(SIZE))
    if VARIANT == "filling":
        look_up(next(requests))
    if VARIANT == "sawtooth":
        audit_log.append(bytes(SIZE))
        if len(audit_log) >= 350:
            audit_log.clear()
    return {"number": number, "kept": len(audit_log)}


def main() -> None:
    # Its protocol is named, or asyncio would leave Nagle's algorithm on and each answer would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, lifespan="off"))
    aside = PORT_FILE.with_suffix(".part")
    aside.write_text(str(listener.getsockname()[1]))
    aside.rename(PORT_FILE)
    print(f"listening on port {listener.getsockname()[1]}", flush=True)
    asyncio.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
