# expect: retention=long-lived holder=closure name=_cache fix=drop verdict=leak snapshots=3
"""A keyword-only default used as a cache."""

import _drive


def thumbnail(picture, *, _cache={}):
    if picture not in _cache:
        _cache[picture] = picture.encode() * 900
    return _cache[picture]


def work(number):
    for index in range(350):
        thumbnail("picture-%d-%d" % (number, index))


_drive.rounds(work)
