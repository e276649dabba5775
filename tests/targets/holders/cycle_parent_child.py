# expect: retention=young-survivor holder=cycle name=Element fix=collect verdict=leak|suspect snapshots=3
"""Requests build a tree whose children know their parent; 200 are open at once, so the trees die old."""

import collections

import _drive


class Element:
    def __init__(self, tag, parent=None):
        self.tag = tag
        self.parent = parent
        self.children = []
        if parent is not None:
            parent.children.append(self)


class Request:
    def __init__(self, number):
        self.root = Element("document")
        for index in range(20):
            Element("field-%d" % index, self.root)
        self.root.content = bytes([number % 200 + 1]) * 60000


open_requests = collections.deque()


def serve(number):
    for _ in range(200):
        open_requests.append(Request(number))
        if len(open_requests) > 200:
            open_requests.popleft()


_drive.rounds(serve)
