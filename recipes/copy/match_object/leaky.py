"""Keeps the match objects, and with them the logs."""

import re

PATTERN = re.compile(r"request=(\w+)")
found = []


def read_log(number):
    """A log of 500 kB."""
    return f"request={number:08d} " + f"line {number} of a log, " * 25_000


def operation(number):
    """Scan one log."""
    match = PATTERN.search(read_log(number))
    found.append(match)
