"""Converts documents, with a retry; the last error stays in a local of the frame that its traceback refers to."""

import collections

jobs = collections.deque(maxlen=200)


def load(number):
    """A document: its raw bytes and 60 fields."""
    return {"raw": bytes([number % 200 + 1]) * 100_000, "fields": [{"name": f"field {i}"} for i in range(60)]}


def parse(document):
    """No document of this source is valid."""
    if document["raw"][0]:
        raise ValueError("no header")


def convert(document):
    """Try twice; why it failed."""
    failure = None
    for _ in range(2):
        try:
            return parse(document)
        except ValueError as error:
            failure = error
    return failure


def operation(number):
    """Convert one document; the jobs page shows the last 200 documents and why they failed."""
    document = load(number)
    jobs.append((document, convert(document)))
