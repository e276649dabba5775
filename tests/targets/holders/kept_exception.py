# expect: retention=long-lived holder=exception-traceback name=failures fix=drop verdict=leak snapshots=3
"""Failures kept for a report: every exception's traceback holds the frames and their locals, with the upload."""

import _drive

failures = []


class InvalidUpload(Exception):
    pass


def decode(upload):
    table = [byte for byte in upload[:10]]
    if table[0] != 0:
        raise InvalidUpload("bad magic")


def receive(index):
    upload = bytes([index % 200 + 1]) * 60000
    decode(upload)


def work(number):
    for index in range(80):
        try:
            receive(index)
        except InvalidUpload as error:
            failures.append(error)


_drive.rounds(work)
