# expect: retention=long-lived holder=suspended-frame name=history fix=hibernate|isolate verdict=leak|suspect snapshots=3 file=self at=await
"""Server-sent events: async generators that wait inside, for the next event, with the history they began with."""

import asyncio

import _drive

readers = []
news = asyncio.Event()


async def events(reader_id):
    history = b"%d" % (reader_id % 10) * 400000
    yield len(history)
    await news.wait()
    yield len(history)


async def read(reader_id):
    async for _ in events(reader_id):
        pass


async def main():
    async def step(number):
        for index in range(12):
            readers.append(asyncio.create_task(read(number * 100 + index)))

    await _drive.async_rounds(step)


asyncio.run(main())
