# expect: retention=young-survivor holder=frozen name=Job fix=collect verdict=leak|suspect snapshots=3
"""A supervisor that freezes the heap before it starts each worker, at run time, while jobs are open: their cycles are frozen alive and can never be collected once they are dead."""

import gc
import os

import _drive


class Job:
    def __init__(self, number):
        self.owner = self
        self.body = bytes([number % 200 + 1]) * 50000
        self.parts = [{"job": self, "part": part} for part in range(5)]


def start_worker():
    gc.freeze()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def work(number):
    jobs = [Job(number) for _ in range(100)]
    start_worker()
    assert len(jobs) == 100


_drive.rounds(work)
