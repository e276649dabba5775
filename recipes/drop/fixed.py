"""The same cache with a bound, and without the session in its key."""

import functools
import os
import sys
from pathlib import Path


@functools.lru_cache(maxsize=128)
def body(article):
    """What all sessions share."""
    return f"article {article} " * 1000


def render(article, session):
    """The page of an article for one session."""
    return f"<html><body>{body(article)} for {session}</body></html>"


def work(number):
    """Serve 400 requests."""
    for index in range(400):
        render(index % 5, f"session-{number}-{index}")


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
