"""Approves invoices: each one is a DOM tree, whose nodes know their parents."""

import collections
from xml.dom import minidom

open_documents = collections.deque()
TEXT = "an invoice line with its description, " * 800


def receive(number):
    """An invoice as XML."""
    rows = "".join(f"<line id='{number}-{row}'>{TEXT}</line>" for row in range(3))
    return f"<invoice>{rows}</invoice>"


def operation(number):
    """Parse an invoice; 200 wait for their approval."""
    open_documents.append(minidom.parseString(receive(number)))
    if len(open_documents) > 200:
        open_documents.popleft()
