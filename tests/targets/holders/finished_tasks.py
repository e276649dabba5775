# expect: retention=long-lived holder=module-global name=background fix=drop verdict=leak snapshots=3 file=self
"""Background tasks kept so that they are not lost; nobody takes the finished ones and their results out."""

import asyncio

import _drive

background = []


async def fetch_report(name):
    await asyncio.sleep(0)
    return {"name": name, "body": "%s: all is well. " % name * 700}


async def main():
    async def step(number):
        for index in range(250):
            background.append(asyncio.ensure_future(fetch_report("report-%d-%d" % (number, index))))
        while not all(task.done() for task in background):
            await asyncio.sleep(0.01)

    await _drive.async_rounds(step)


asyncio.run(main())
