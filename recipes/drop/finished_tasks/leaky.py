"""Background tasks are kept in a list, and stay there with their results."""

import asyncio

loop = asyncio.new_event_loop()
background = []


async def thumbnail(number):
    """Make a thumbnail."""
    await asyncio.sleep(0)
    return bytes([number % 200 + 1]) * 150_000


async def upload(number):
    """Take a picture and make its thumbnail in the background."""
    task = asyncio.create_task(thumbnail(number))
    background.append(task)
    await asyncio.sleep(0.001)


def operation(number):
    """One picture comes."""
    loop.run_until_complete(upload(number))
