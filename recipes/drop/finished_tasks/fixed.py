"""The same; a task that is done leaves the set."""

import asyncio

loop = asyncio.new_event_loop()
background = set()


async def thumbnail(number):
    """Make a thumbnail."""
    await asyncio.sleep(0)
    return bytes([number % 200 + 1]) * 150_000


async def upload(number):
    """Take a picture and make its thumbnail in the background."""
    task = asyncio.create_task(thumbnail(number))
    background.add(task)
    task.add_done_callback(background.discard)
    await asyncio.sleep(0.001)


def operation(number):
    """One picture comes."""
    loop.run_until_complete(upload(number))
