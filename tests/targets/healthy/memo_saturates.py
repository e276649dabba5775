# expect: verdict=clean snapshots=4
"""A memo without a limit over a small set of keys: it is complete after a few rounds."""

import functools

import _drive


@functools.lru_cache(maxsize=None)
def translate(language, key):
    return "%s: %d " % (language, key) * 300


def work(number):
    for language in ("de", "en", "fr", "es"):
        for key in range(500):
            translate(language, (key * 7 + number) % 500)


_drive.rounds(work)
