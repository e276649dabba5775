# expect: retention=long-lived holder=context-variable name=trace_log fix=drop verdict=leak snapshots=3
"""A trace kept in a context variable that was set once for the whole process instead of once a request."""

import contextvars

import _drive

trace_log = contextvars.ContextVar("trace_log")
trace_log.set([])


def trace(event, **details):
    trace_log.get().append((event, details))


def handle(request):
    trace("start", request=request)
    trace("sql", statement="SELECT * FROM items WHERE request = '%s'" % request, rows=request * 400)
    trace("end", request=request)


def work(number):
    for index in range(600):
        handle("request-%d-%d" % (number, index))


_drive.rounds(work)
