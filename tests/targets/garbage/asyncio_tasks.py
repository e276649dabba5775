"""Finished, cancelled, failed and forgotten tasks; futures in rings; a live task group beside them."""
import asyncio
import gc
import _truth


class Job:
    def __init__(self):
        self.task = None
        self.data = [1, 2, 3]


async def work(job, kind):
    job.data.append(job)
    if kind == 0:
        return job
    if kind == 1:
        raise ValueError(job)
    await asyncio.sleep(3600)


async def waits_for_dead(future):
    payload = [future] * 3
    await future
    return payload


async def main():
    gc.disable()
    for number in range(12):
        job = Job()
        job.task = asyncio.ensure_future(work(job, number % 3))
        await asyncio.sleep(0)
        if number % 3 == 2:
            job.task.cancel()
        try:
            await job.task
        except (ValueError, asyncio.CancelledError):
            pass
    del job
    for _ in range(8):
        future = asyncio.get_running_loop().create_future()
        future.ring = [future]
    for _ in range(5):
        future = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(waits_for_dead(future))
        future.task = task
        await asyncio.sleep(0)
    del future, task
    live = [asyncio.ensure_future(work(Job(), 2)) for _ in range(6)]
    await asyncio.sleep(0.01)
    await _truth.serve_async()
    for task in live:
        task.cancel()


asyncio.run(main())
