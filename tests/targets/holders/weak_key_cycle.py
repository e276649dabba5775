# expect: retention=long-lived holder=module-global name=annotations fix=drop verdict=leak snapshots=3
"""A WeakKeyDictionary whose values refer to their own keys: the entries hold themselves."""

import weakref

import _drive

annotations = weakref.WeakKeyDictionary()


class Document:
    def __init__(self, text):
        self.text = text


def annotate(document):
    annotations[document] = {"document": document, "words": len(document.text)}


def work(number):
    for index in range(400):
        annotate(Document("document %d/%d " % (number, index) * 900))


_drive.rounds(work)
