"""A cache without a bound; its key holds the session, so nearly every call is a new entry."""

import functools
import os
import sys
from pathlib import Path


@functools.cache
def render(article, session):
    """The page of an article for one session."""
    return "<html><body>" + f"article {article} " * 1000 + f"for {session}</body></html>"


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
