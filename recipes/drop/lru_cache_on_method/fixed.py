"""The same; the value is kept by the instance."""

import functools


class Invoice:
    """An invoice with its scan."""

    def __init__(self, number):
        self.scan = bytes([number % 200 + 1]) * 150_000

    @functools.cached_property
    def checksum(self):
        """Asked for several times while the invoice is open."""
        return sum(self.scan[::1000])


def operation(number):
    """Open an invoice, look at it twice, close it."""
    invoice = Invoice(number)
    return invoice.checksum + invoice.checksum
