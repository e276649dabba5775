"""Computes without ever waiting; checks its own arithmetic."""
import _drive

_drive.ready()
while True:
    total = 0.0
    for number in range(2000):
        total += number * 0.5
    if total != 999500.0:
        raise SystemExit("wrong sum: %r" % total)
