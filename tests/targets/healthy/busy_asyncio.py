# expect: verdict=clean snapshots=3
"""An asyncio service whose handlers shed their data before they wait."""

import asyncio
import json

import _drive


async def handler(mailbox):
    while True:
        message = await mailbox.get()
        mailbox.answered = len(json.dumps([{"id": index, "name": message} for index in range(500)]))
        del message


async def main():
    mailboxes = [asyncio.Queue() for _ in range(30)]
    tasks = [asyncio.ensure_future(handler(mailbox)) for mailbox in mailboxes]

    async def step(number):
        for mailbox in mailboxes:
            mailbox.put_nowait("message %d" % number)
        await asyncio.sleep(0.3)

    await _drive.async_rounds(step)
    assert tasks


asyncio.run(main())
