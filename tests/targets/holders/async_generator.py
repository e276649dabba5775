# expect: retention=long-lived holder=suspended-frame name=chunks fix=hibernate|isolate verdict=leak|suspect snapshots=3 file=self at=yield
"""Streaming replies by async generators; clients that stop reading leave them suspended with the whole document."""

import asyncio

import _drive

streams = []


async def chunks(document_id):
    document = b"%d" % (document_id % 10) * 400000
    position = 0
    while position < len(document):
        yield len(document[position : position + 4096])
        position += 4096


async def main():
    async def step(number):
        for index in range(12):
            stream = chunks(number * 100 + index)
            await stream.__anext__()
            streams.append(stream)

    await _drive.async_rounds(step)


asyncio.run(main())
