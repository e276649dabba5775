# expect: verdict=clean snapshots=3 not-leak=cache
"""A bounded ``lru_cache`` that is half full and still filling."""

import functools

import _drive


@functools.lru_cache(maxsize=5000)
def render(article):
    return "<p>%d</p>" % article * 1000


def serve(number):
    for index in range(400):
        render(number * 400 + index)


_drive.rounds(serve)
