"""Starts a program of a variant with its load, and reads what it uses: every process by its id, all in one folder."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.capture.launch import launch
from leakkit.errors import RecipeBroken
from leakkit.recipes.catalogue import LOAD, driver_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO

    from leakkit.capture.launch import Launched
    from leakkit.recipes.model import Variant

ANSWER_SECONDS: Final = 120.0
"""Longest time for one round, also on a slow machine."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Answer:
    """What a round took, in seconds."""

    median: float
    worst: float
    pause: float


class Speaker:
    """A program's two pipes: a line in makes a round, a line out says that it is over."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        if process.stdin is None or process.stdout is None:
            raise RecipeBroken("a program of the recipe has no pipes")
        self._in, self._out, self._log = process.stdin, process.stdout, log
        self._rest = b""

    def hear(self) -> str:
        """The next line.

        Raises:
            RecipeBroken: it ended, or says nothing for ANSWER_SECONDS.
        """
        until = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._out], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise RecipeBroken(f"a program of the recipe said nothing for {ANSWER_SECONDS:.0f} s")
            data = os.read(self._out.fileno(), 65536)
            if not data:
                raise RecipeBroken(f"a program of the recipe ended: {_last_line(self._log)}")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace").strip()

    def round(self) -> Answer:
        """One round of the load.

        Raises:
            RecipeBroken: as for :meth:`hear`.
        """
        try:
            self._in.write(b"ROUND\n")
            self._in.flush()
        except BrokenPipeError:
            raise RecipeBroken(f"a program of the recipe ended: {_last_line(self._log)}") from None
        told = json.loads(self.hear())
        return Answer(told["median"], told["worst"], told["pause"])


@dataclass(frozen=True)
class Running:
    """A program of a variant, ready for its load."""

    target: Launched
    load: Speaker
    serves: bool
    """The load comes from another process."""

    @property
    def pid(self) -> int:
        """The process to diagnose."""
        return self.target.pid


@contextlib.contextmanager
def started(variant: Variant, which: str, place: Path) -> Iterator[Running]:
    """Start ``leaky`` or ``fixed`` of a variant, with its load; both are ended at the end of the block.

    The files are copied: outside of site-packages they count as application code, like the user's own.

    Raises:
        RecipeBroken: a program ended before it was ready.
    """
    for name, text in {**variant.files, "drive.py": driver_text()}.items():
        (place / name).write_text(text, encoding="utf-8")
    serves, log = LOAD in variant.files, place / f"{which}.log"
    drive = [sys.executable, str(place / "drive.py")]
    program, count = str(place / f"{which}.py"), str(variant.operations)
    command = [sys.executable, program] if serves else [*drive, program, count]
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("wb"))
        # With the agent preloaded it also runs where ptrace is forbidden.
        target = stack.enter_context(
            launch(command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=place)
        )
        speaker = Speaker(target.popen, log)
        first = speaker.hear()
        if serves:
            environment = {**_environment(), "RECIPE_PORT": first.removeprefix("PORT ")}
            load = stack.enter_context(_process([*drive, str(place / LOAD), count], environment, place))
            speaker = Speaker(load, place / "load.log")
            speaker.hear()
        yield Running(target, speaker, serves)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


@contextlib.contextmanager
def _process(command: list[str], env: Mapping[str, str], place: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (place / "load.log").open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(env), cwd=place
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        pipes: tuple[IO[bytes] | None, ...] = (process.stdin, process.stdout)
        for pipe in pipes:
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                todo += [int(child) for child in (thread / "children").read_text().split()]
    return found


def memory_of(pid: int) -> int:
    """Bytes that a process and its children have resident; what they share is counted once (PSS)."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, its children and those that it has waited for."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")
