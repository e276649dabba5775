# expect: retention=long-lived holder=module-global name=METRICS fix=drop verdict=leak snapshots=3 file=self
"""Metrics by tenant and by label set; one of the labels is the request id, so every request makes a new series."""

import collections

import _drive

METRICS = collections.defaultdict(lambda: collections.defaultdict(list))


def observe(tenant, labels, value):
    METRICS[tenant][labels].append(value)


def work(number):
    for index in range(12000):
        labels = ("GET", "/api/items", "request-%d-%d" % (number, index))
        observe("tenant-%d" % (index % 4), labels, index * 0.001)


_drive.rounds(work)
