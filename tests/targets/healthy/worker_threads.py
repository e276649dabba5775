# expect: verdict=clean snapshots=3
"""A thread pool that starts workers on demand; each result is read and forgotten."""

import concurrent.futures

import _drive

pool = concurrent.futures.ThreadPoolExecutor(12)


def job(size):
    return sum(bytes([size % 200 + 1]) * (size * 5000))


def work(number):
    total = 0
    for future in [pool.submit(job, size) for size in range(1, 13)]:
        total += future.result()
    assert total


_drive.rounds(work)
