# expect: retention=long-lived holder=view name=TITLES fix=copy verdict=leak snapshots=3
"""A crawler that keeps the match objects of page titles: each holds the page it was found in."""

import re

import _drive

TITLE = re.compile("<title>(.*?)</title>")
TITLES = {}


def download(number, index):
    return "<html><title>Page %d</title><body>%s</body></html>" % (index, "lorem ipsum %d " % number * 6000)


def work(number):
    for index in range(60):
        page = download(number, index)
        TITLES["https://example.org/%d/%d" % (number, index)] = TITLE.search(page)


_drive.rounds(work)
