# expect: retention=long-lived holder=callback-registry|module-global name=loggerDict fix=drop verdict=leak snapshots=3
"""A logger for each request: ``logging.getLogger`` never forgets a name."""

import logging

import _drive


def handle(request_id):
    log = logging.getLogger("app.request.%s" % request_id)
    log.debug("start")
    return log.name


def work(number):
    for index in range(5000):
        handle("%d-%d" % (number, index))


_drive.rounds(work)
