# expect: retention=long-lived holder=instance-attribute name=_pending fix=drop verdict=leak snapshots=3
"""An order service object whose table of pending orders is only cleaned on success, and these orders fail."""

import _drive


class PaymentRefused(Exception):
    pass


class Gateway:
    def charge(self, order):
        if order["total"] > 0:
            raise PaymentRefused("card expired")


class OrderService:
    def __init__(self, gateway):
        self._gateway = gateway
        self._pending = {}

    def place(self, number, lines):
        order = {"number": number, "lines": lines, "total": len(lines)}
        self._pending[number] = order
        self._gateway.charge(order)
        del self._pending[number]


service = OrderService(Gateway())


def work(number):
    for index in range(200):
        lines = ["article %d-%d-%d, colour blue" % (number, index, line) for line in range(300)]
        try:
            service.place(number * 1000 + index, lines)
        except PaymentRefused:
            pass


_drive.rounds(work)
