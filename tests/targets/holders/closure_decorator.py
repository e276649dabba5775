# expect: retention=long-lived holder=closure name=results fix=drop verdict=leak snapshots=3
"""A home-made memoizing decorator: its dict is a free variable of the wrapper."""

import functools

import _drive


def memoize(function):
    results = {}

    @functools.wraps(function)
    def wrapper(*args):
        if args not in results:
            results[args] = function(*args)
        return results[args]

    return wrapper


@memoize
def load_profile(user):
    return {"user": user, "rights": [user + ":" + str(right) for right in range(200)]}


def work(number):
    for index in range(250):
        load_profile("user-%d-%d" % (number, index))


_drive.rounds(work)
