"""How a target program talks to a test: it says READY, does one round for each STEP line, says READY again.

Plain Python 3.9, no leakkit: targets are run by every interpreter found.
"""

import sys


def ready():
    sys.stdout.write("READY\n")
    sys.stdout.flush()


def rounds(step):
    """Call ``step(number)`` once for each STEP line on stdin; return at its end."""
    ready()
    number = 0
    for line in iter(sys.stdin.readline, ""):
        if line.startswith("STEP"):
            step(number)
            number += 1
            ready()


async def async_rounds(step):
    """The same inside a running event loop: ``step`` is a coroutine function."""
    import asyncio

    loop = asyncio.get_running_loop()
    lines = asyncio.Queue()
    loop.add_reader(sys.stdin.fileno(), lambda: lines.put_nowait(sys.stdin.readline()))
    ready()
    number = 0
    while True:
        line = await lines.get()
        if not line:
            return
        if line.startswith("STEP"):
            await step(number)
            number += 1
            ready()
