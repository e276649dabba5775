# expect: retention=long-lived holder=cache name=render_page fix=drop verdict=leak snapshots=3
"""An unbounded cache whose key holds the session id."""

import functools

import _drive


@functools.lru_cache(maxsize=None)
def render_page(path, session_id):
    return "<html><body>%s for %s</body></html>" % (path * 600, session_id)


def work(number):
    for index in range(600):
        render_page("/products/%d" % (index % 5), "session-%d-%d" % (number, index))


_drive.rounds(work)
