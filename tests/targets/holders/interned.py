# expect: retention=long-lived holder=interned name=interned fix=drop|isolate verdict=leak|suspect snapshots=3 python>=3.12 python<3.13
"""Keys of incoming documents are interned to save memory; on 3.12 an interned string never dies."""

import sys

import _drive


def read_document(lines):
    return {sys.intern(line): len(line) for line in lines}


def work(number):
    document = read_document(["customer/%d/order/%d/%s" % (number, line, "reference" * 6) for line in range(30000)])
    assert len(document) == 30000


_drive.rounds(work)
