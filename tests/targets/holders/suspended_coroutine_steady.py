# expect: retention=long-lived holder=suspended-frame name=handler fix=hibernate|isolate verdict=leak|suspect snapshots=3 file=self at=await
"""A fixed number of idle connections, nothing grows: each handler pins the last report it sent while it sleeps."""

import asyncio

import _drive

mailboxes = []


def render(message):
    return ["%s line %d of the report" % (message, line) for line in range(8000)]


async def handler(mailbox):
    while True:
        message = await mailbox.get()
        report = render(message)
        text = "\n".join(report)
        mailbox.answered += len(text) > 0


async def main():
    tasks = []
    for index in range(40):
        mailbox = asyncio.Queue()
        mailbox.answered = 0
        mailboxes.append(mailbox)
        tasks.append(asyncio.ensure_future(handler(mailbox)))
        mailbox.put_nowait("welcome-%d" % index)
    while not all(mailbox.answered for mailbox in mailboxes):
        await asyncio.sleep(0.01)

    async def step(number):
        mailboxes[0].put_nowait("query-%d" % number)
        await asyncio.sleep(0.05)

    await _drive.async_rounds(step)


asyncio.run(main())
