"""The shop's own tests; leakkit is not mentioned."""

from __future__ import annotations

import httpx
import pytest

from shop.service import app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop") as client:
        return await client.get(path)


@pytest.mark.anyio
async def test_price() -> None:
    answer = await get("/price/tea")
    assert answer.json() == {"name": "tea", "price": 3}


@pytest.mark.anyio
async def test_unknown() -> None:
    assert (await get("/price/gold")).status_code == 404


@pytest.mark.anyio
async def test_recent() -> None:
    assert (await get("/recent")).status_code == 200
