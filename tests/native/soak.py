"""Many snapshots of one busy server: what it noticed of them.

python tests/native/soak.py --snapshots 1000 [--python 3.13]
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import TARGETS, Interpreter, Target, python

from leakkit.capture.take import take_snapshot

CLIENTS = 3
STALL_SECONDS = 20.0
"""A request that takes longer counts as lost."""


class Client(threading.Thread):
    """Asks without pause and keeps what went wrong."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.done = port, threading.Event()
        self.answered, self.failures, self.slowest = 0, [], 0.0

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STALL_SECONDS)
        while not self.done.is_set():
            path, began = f"/{self.answered}", time.monotonic()
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200 or body["path"] != path:
                    self.failures.append(f"{path}: {answer.status} {body}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(f"{path}: {type(error).__name__}: {error}")
                connection.close()
            self.answered += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.005)
        connection.close()


@dataclass
class Soaked:
    """What came out of it; bytes and seconds."""

    snapshots: int
    walkers: Counter[str]
    pauses: list[float]
    failures: list[str]
    answered: int
    slowest_request: float
    before: dict[str, Any]
    after: dict[str, Any]
    alive: bool
    stderr: str
    zombies: list[int]
    leftovers: list[int]
    """Processes of the server's program that are neither it nor its own children."""
    warnings: Counter[str] = field(default_factory=Counter)


def _facts(port: int, pid: int) -> dict[str, Any]:
    """What the kernel says of the process, and then what it says itself: asking costs a thread and a file."""
    rows = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    facts: dict[str, Any] = {name: rows[name] for name in ("SigBlk", "SigIgn", "SigCgt", "TracerPid")}
    facts.update(threads=len(list(Path(f"/proc/{pid}/task").iterdir())), rss=int(rows["VmRSS"].split()[0]) * 1024)
    facts["files"] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STALL_SECONDS)
    try:
        connection.request("GET", "/facts")
        facts.update(json.loads(connection.getresponse().read()))
    finally:
        connection.close()
    return facts


def _quiet_facts(port: int, pid: int) -> dict[str, Any]:
    """The facts when the threads and files of closed connections have gone: the same in four looks, a second apart."""
    looks: list[dict[str, Any]] = []
    for _ in range(60):
        time.sleep(1.0)
        looks.append(_facts(port, pid))
        if len({(look["threads"], look["files"]) for look in looks[-4:]}) == 1 and len(looks) > 3:
            break
    return looks[-1]


def _others(target: int) -> tuple[list[int], list[int]]:
    """(zombies below the target, other processes that run its program)."""
    command = Path(f"/proc/{target}/cmdline").read_bytes()
    zombies, copies = [], []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(entry.name) != target and int(fields[1]) == target and fields[0] == "Z":
                zombies.append(int(entry.name))
            elif int(entry.name) != target and (entry / "cmdline").read_bytes() == command:
                copies.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return zombies, copies


def _settled(target: int) -> tuple[list[int], list[int]]:
    """The same, without the server's own children, which come and go: what is there in three looks, a second apart."""
    looks = []
    for _ in range(3):
        looks.append([set(found) for found in _others(target)])
        time.sleep(1.0)
    return sorted(set.intersection(*(look[0] for look in looks))), sorted(set.intersection(*(look[1] for look in looks)))


def soak(count: int, interpreter: Interpreter | None = None, *, say: Any = None) -> Soaked:
    """Take ``count`` snapshots of the busy server under load."""
    with Target(TARGETS / "native" / "busy_server.py", interpreter, ready=False) as target:
        assert target.process.stdout is not None
        port = int(target.process.stdout.readline())
        target.wait_ready()
        warm = Client(port)
        warm.start()
        time.sleep(2.0)
        take_snapshot(target.pid, timeout=60)  # what the first one imports is there from here on
        warm.done.set()
        warm.join(60)
        before = _quiet_facts(port, target.pid)
        clients = [Client(port) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        walkers: Counter[str] = Counter()
        warnings: Counter[str] = Counter()
        pauses = []
        for number in range(count):
            taken = take_snapshot(target.pid, timeout=60)
            walkers[taken.capture.walker] += 1
            warnings.update(taken.warnings)
            pauses.append(taken.capture.pause_seconds)
            if say and (number + 1) % 50 == 0:
                say(f"{number + 1} of {count} snapshots, {sum(c.answered for c in clients):,} requests")
        for client in clients:
            client.done.set()
        for client in clients:
            client.join(60)
        after = _quiet_facts(port, target.pid)
        zombies, leftovers = _settled(target.pid)
        return Soaked(
            count, walkers, pauses, [f for c in clients for f in c.failures], sum(c.answered for c in clients),
            max(c.slowest for c in clients), before, after, target.alive(), target.stderr, zombies, leftovers, warnings,
        )


def complaints(found: Soaked) -> list[str]:
    """Everything the server could notice of its snapshots, were they not invisible."""
    forks, own = (found.after[name] - found.before[name] for name in ("forks", "children"))
    wrong = list(found.failures)
    if not found.alive:
        wrong.append("the server died")
    if found.stderr:
        wrong.append(f"it wrote: {found.stderr[:300]}")
    if found.zombies or found.leftovers:
        wrong.append(f"zombies {found.zombies}, processes left {found.leftovers}")
    if found.after["strays"] != found.before["strays"]:
        wrong.append(f"its waitpid(-1) met {found.after['strays'] - found.before['strays']} foreign children")
    for name in ("before", "parent"):
        ran = found.after[name] - found.before[name]
        if abs(ran - forks) > 1:
            wrong.append(f"its at-fork handler {name!r} ran {ran} times for {forks} forks of its own")
    if found.after["signals"] - found.before["signals"] > own + 1:
        wrong.append(f"{found.after['signals'] - found.before['signals']} SIGCHLD for {own} children of its own")
    for name in ("threads", "files", "SigBlk", "SigIgn", "SigCgt", "TracerPid", "enabled"):
        if found.after[name] != found.before[name]:
            wrong.append(f"{name}: {found.before[name]} before, {found.after[name]} after")
    if found.after["rss"] > 1.1 * found.before["rss"] + (8 << 20):
        wrong.append(f"resident memory: {found.before['rss']:,} before, {found.after['rss']:,} after")
    return wrong


def main() -> int:
    """Run it and say what the server noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshots", type=int, default=1000)
    parser.add_argument("--python", metavar="3.x", help="the server's Python (default: this one)")
    options = parser.parse_args()
    interpreter = python(options.python) if options.python else None
    if options.python and interpreter is None:
        parser.error(f"no Python {options.python} on this machine")
    began = time.monotonic()
    found = soak(options.snapshots, interpreter, say=lambda line: print(line, file=sys.stderr, flush=True))
    forks, own = (found.after[name] - found.before[name] for name in ("forks", "children"))
    print(f"snapshots           {found.snapshots} ({dict(found.walkers)}) in {time.monotonic() - began:.0f} s")
    print(f"pause               median {statistics.median(found.pauses) * 1e3:.1f} ms, longest {max(found.pauses) * 1e3:.1f} ms")
    print(f"requests            {found.answered:,}, failed {len(found.failures)}, slowest {found.slowest_request:.2f} s")
    print(f"own children        {own}, forks {forks}, at-fork handlers {found.after['before'] - found.before['before']}, SIGCHLD {found.after['signals'] - found.before['signals']}, strays {found.after['strays'] - found.before['strays']}")
    for name in ("threads", "files", "rss"):
        print(f"{name:<20}{found.before[name]:,} before, {found.after[name]:,} after")
    print(f"zombies             {len(found.zombies)}, processes left {len(found.leftovers)}")
    for text, times in found.warnings.most_common(5):
        print(f"warning ({times} ×)     {text}")
    wrong = complaints(found)
    print("\n".join(f"NOTICED: {line}" for line in wrong) or "the server noticed nothing")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
