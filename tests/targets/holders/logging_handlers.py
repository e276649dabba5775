# expect: retention=long-lived holder=callback-registry|module-global|instance-attribute name=handlers fix=drop verdict=leak snapshots=3
"""Each job adds a handler of its own to the application's logger to collect the job's log, and leaves it there."""

import logging
import logging.handlers

import _drive

log = logging.getLogger("jobs")
log.setLevel(logging.INFO)
log.propagate = False


def run_job(name):
    handler = logging.handlers.MemoryHandler(capacity=1000)
    handler.addFilter(lambda record: record.args[0] == name)
    log.addHandler(handler)
    for step in range(10):
        log.info("job %s: %s", name, "step %d done; " % step * 200)


def work(number):
    for index in range(120):
        run_job("%d-%d" % (number, index))


_drive.rounds(work)
