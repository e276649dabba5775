"""Keeps a view of each packet's header, and with it the packet."""

headers = []


def receive(number):
    """A packet: eight bytes of header and its body."""
    return b"PKT%05d" % number + bytes([number % 200 + 1]) * 200_000


def operation(number):
    """Receive a packet and keep its header."""
    view = memoryview(receive(number))
    headers.append(view[:8])
