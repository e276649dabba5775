"""A real ASGI service: ``asgi_service.py LOG_SIZE PORT_FILE [fixed|leaky|garbage|dies]``; keeps LOG_SIZE bytes a request when leaky."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

SIZE, PORT_FILE, VARIANT = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
app = FastAPI()
audit_log: list[bytes] = []


@app.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    if VARIANT == "leaky":
        audit_log.append(bytes(SIZE))
    return {"number": number, "kept": len(audit_log)}


def main() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="info", lifespan="off"))
    aside = PORT_FILE.with_suffix(".part")
    aside.write_text(str(listener.getsockname()[1]))
    aside.rename(PORT_FILE)
    asyncio.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
