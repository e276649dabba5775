# expect: retention=young-survivor holder=cycle name=Node fix=collect verdict=leak|suspect snapshots=3 step=1
"""An asyncio service whose answers are trees with parent links and a payload each; 400 are open at once."""

import asyncio
import gc

import _drive


class Node:
    def __init__(self, parent=None):
        self.parent = parent
        self.children = []
        self.payload = None


def build_answer(number):
    root = Node()
    for _ in range(13):
        root.children.append(Node(root))
    root.payload = bytearray([number % 200 + 1]) * 40000
    return root


async def answer(number):
    tree = build_answer(number)
    await asyncio.sleep(0.01)
    return len(tree.children)


async def main():
    async def step(number):
        await asyncio.gather(*[answer(number) for _ in range(400)])

    # As the documentation of gc advises servers: what start-up made is looked at no more.
    gc.collect()
    gc.freeze()
    await _drive.async_rounds(step)


asyncio.run(main())
