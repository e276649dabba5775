# expect: retention=long-lived holder=view name=headlines fix=copy verdict=leak snapshots=3
"""Headlines kept from parsed pages: the strings of the parser know their parent tag, so each holds its whole page."""

import _drive

headlines = []


class Tag:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = parent
        self.contents = []

    def append(self, child):
        child.parent = self
        self.contents.append(child)
        return child


class NavigableString(str):
    """Text in the tree, as HTML parsers have it: a string with a link to the tag that contains it."""

    parent = None


def parse(source):
    page = Tag("html")
    body = page.append(Tag("body"))
    for line in source:
        paragraph = body.append(Tag("p"))
        paragraph.append(NavigableString(line))
    return page


def headline(page):
    return page.contents[0].contents[0].contents[0]


def work(number):
    for index in range(25):
        page = parse(["news %d, article %d, paragraph %d" % (number, index, line) for line in range(400)])
        headlines.append(headline(page))


_drive.rounds(work)
