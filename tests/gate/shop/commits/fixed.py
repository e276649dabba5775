"""The shop's HTTP service."""

from __future__ import annotations

from collections import deque
from typing import Any

from fastapi import FastAPI, HTTPException, Request

PRICES = {"tea": 3, "cake": 5}
recent: deque[str] = deque(maxlen=50)
audit_trail: deque[dict[str, Any]] = deque(maxlen=20)
app = FastAPI()


@app.get("/price/{name}")
async def price(name: str, request: Request) -> dict[str, int | str]:
    """What a thing costs."""
    if name not in PRICES:
        raise HTTPException(404)
    recent.append(name)
    audit_trail.append({"name": name, "headers": dict(request.headers)})
    return {"name": name, "price": PRICES[name]}


@app.get("/recent")
async def last_seen() -> list[str]:
    """What was asked for last."""
    return list(recent)
