"""A parent with two multiprocessing workers that were started afresh."""

import multiprocessing
import os
import time

import _drive

RESULTS = []


def serve(parent):
    RESULTS.extend(b"%d" % number * 50000 for number in range(50))
    while os.getppid() == parent:
        time.sleep(0.05)


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=serve, args=(os.getpid(),), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    time.sleep(1.0)
    _drive.rounds(lambda number: None)
    for worker in workers:
        worker.terminate()
        worker.join()
