"""An idle asyncio program that ticks now and then and says so when asked to end."""
import asyncio
import _drive


async def main():
    async def tick():
        while True:
            await asyncio.sleep(0.2)

    ticking = asyncio.ensure_future(tick())
    await _drive.async_rounds(lambda number: asyncio.sleep(0))
    ticking.cancel()


asyncio.run(main())
