# expect: retention=long-lived holder=module-global name=submitted fix=drop verdict=leak snapshots=3 file=self
"""Futures of a thread pool kept in a dict by job id, with their results, after everybody has read them."""

import concurrent.futures

import _drive

submitted = {}
pool = concurrent.futures.ThreadPoolExecutor(2)


def convert(name):
    return name.encode() * 1500


def work(number):
    for index in range(250):
        name = "job-%d-%d" % (number, index)
        submitted[name] = pool.submit(convert, name)
    for future in submitted.values():
        future.result()


_drive.rounds(work)
