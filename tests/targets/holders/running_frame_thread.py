# expect: retention=long-lived holder=running-frame name=backlog fix=drop verdict=leak snapshots=3 file=self
"""A worker thread that keeps every job it has done in a local list of its endless loop."""

import queue
import threading

import _drive

jobs = queue.Queue()


def worker():
    backlog = []
    while True:
        job = jobs.get()
        backlog.append(job)
        job["done"] = True
        jobs.task_done()


threading.Thread(target=worker, name="worker", daemon=True).start()


def work(number):
    for index in range(300):
        jobs.put({"number": number, "text": "job %d " % index * 1500, "done": False})
    jobs.join()


_drive.rounds(work)
