"""A parser that keeps a memoryview of each packet's header: eight bytes that pin 100 kB."""

import os
import sys
from pathlib import Path

headers = []


def receive(number, index):
    """A packet: eight bytes of header and its body."""
    return b"PKT%05d" % index + bytes([number % 200 + 1]) * 100000


def work(number):
    """Receive 60 packets and keep their headers."""
    for index in range(60):
        view = memoryview(receive(number, index))
        headers.append(view[:8])


def main():
    """Run five rounds, or one for each line of stdin with ``--steps``; say what is resident after each."""
    print("READY", flush=True)
    for number, _ in enumerate(sys.stdin if "--steps" in sys.argv else range(5)):
        work(number)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print(pages * os.sysconf("SC_PAGE_SIZE") // 1000000, "MB resident")
        print("READY", flush=True)


if __name__ == "__main__":
    main()
