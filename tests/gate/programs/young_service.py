"""A real ASGI service whose answers hang in cycles, with the collector's full collections out of reach: ``young_service.py PORT_FILE``."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

app = FastAPI()


class Page:
    def __init__(self) -> None:
        self.text = bytes(20_000)
        self.me = self


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    return {"number": number, "size": len(Page().text)}


def main() -> None:
    gc.disable()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    aside = Path(sys.argv[1]).with_suffix(".part")
    aside.write_text(str(listener.getsockname()[1]))
    aside.rename(sys.argv[1])
    print("listening", flush=True)
    asyncio.run(uvicorn.Server(uvicorn.Config(app, access_log=False, lifespan="off")).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
