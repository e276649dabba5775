# expect: retention=young-survivor holder=cycle name=last_error fix=collect verdict=leak|suspect snapshots=3
"""A delivery that remembers its last error in a local: error, traceback and frame form a cycle with the document; the thresholds were raised "for speed"."""

import asyncio
import gc

import _drive

gc.set_threshold(50000, 20, 20)


class Unavailable(Exception):
    pass


def connect(host):
    attempt = [{"host": host, "port": port} for port in range(15)]
    raise Unavailable("no route to %s" % host, len(attempt))


async def deliver(number, document):
    last_error = None
    for attempt in range(3):
        try:
            connect("relay-%d" % attempt)
        except Unavailable as error:
            last_error = error
        await asyncio.sleep(0.005)
    return last_error is None and len(document)


async def main():
    async def step(number):
        await asyncio.gather(*[deliver(number, bytes([number % 200 + 1]) * 40000) for _ in range(100)])

    await _drive.async_rounds(step)


asyncio.run(main())
