# expect: verdict=clean snapshots=4 warm=0
"""A service that loads its catalogue on the first requests and then stays as it is."""

import _drive

catalogue = {}


def article(number):
    if number not in catalogue:
        catalogue[number] = {"number": number, "description": "article %d " % number * 700}
    return catalogue[number]


def serve(number):
    for index in range(2000):
        article((number * 2000 + index) % 4000)


_drive.rounds(serve)
