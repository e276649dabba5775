# expect: retention=long-lived holder=thread-local name=statements fix=drop verdict=leak snapshots=3
"""Worker threads that keep the statements they prepared in a ``threading.local``; the pool lives for ever."""

import queue
import threading

import _drive

jobs = queue.Queue()
local = threading.local()


def prepare(sql):
    statements = getattr(local, "statements", None)
    if statements is None:
        statements = local.statements = {}
    if sql not in statements:
        statements[sql] = {"sql": sql, "plan": ["step %d of %s" % (step, sql) for step in range(60)]}
    return statements[sql]


def worker():
    while True:
        sql = jobs.get()
        prepare(sql)
        del sql
        jobs.task_done()


for _ in range(2):
    threading.Thread(target=worker, daemon=True).start()


def work(number):
    for index in range(600):
        jobs.put("SELECT * FROM orders WHERE id = %d" % (number * 1000 + index))
    jobs.join()


_drive.rounds(work)
