"""Starts and ends the programs of the demonstration: every process by its id, every file in one folder."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

HERE = Path(__file__).parent
ANSWER_SECONDS = 120.0
"""Longest time for one round of the clients, also on a slow machine."""


class StageError(Exception):
    """A server or the clients ended, or did not answer; the message is one line."""


class Clients:
    """The process with all client connections; obeys one command at a time."""

    def __init__(self, orders: IO[str], answers: IO[str], log: Path) -> None:
        self._orders = orders
        self._answers = answers
        self._log = log

    def wait_for(self, word: str) -> None:
        """Wait until the clients print that line.

        Raises:
            StageError: they ended, or say nothing for ANSWER_SECONDS.
        """
        ready, _, _ = select.select([self._answers], [], [], ANSWER_SECONDS)
        if not ready:
            raise StageError(f"the clients did not answer within {ANSWER_SECONDS:.0f} s")
        if self._answers.readline().strip() != word:
            raise StageError(f"the clients ended: {last_line(self._log)}")

    def obey(self, command: str) -> None:
        """Carry out one command of ``clients.py`` and wait for it.

        Raises:
            StageError: as for :meth:`wait_for`.
        """
        try:
            self._orders.write(command + "\n")
            self._orders.flush()
        except BrokenPipeError:
            raise StageError(f"the clients ended: {last_line(self._log)}") from None
        self.wait_for("DONE")


class Stage:
    """A folder for the time of the demonstration: copies of the programs, the servers' ports, the logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = 0
        for program in ("idle_server.py", "cyclic_server.py", "clients.py"):
            # A copy outside of site-packages counts as application code in the report, like the user's own.
            shutil.copy(HERE / program, folder)

    def server_command(self, server: str, variant: str, size: int) -> tuple[list[str], Path]:
        """The command line of a server, and the file into which it will write its port."""
        self._runs += 1
        port_file = self.folder / f"port-{self._runs}"
        return [sys.executable, str(self.folder / server), variant, str(port_file), str(size)], port_file

    @contextlib.contextmanager
    def clients(self, port_file: Path) -> Iterator[Clients]:
        """Clients that wait for the port and then for commands; ended at the end of the block."""
        log = self.folder / "clients.log"
        command = [sys.executable, str(self.folder / "clients.py"), str(port_file)]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1
            )
        try:
            if process.stdin is None or process.stdout is None:
                raise StageError("the clients have no pipes")
            clients = Clients(process.stdin, process.stdout, log)
            clients.wait_for("READY")
            yield clients
        finally:
            end(process)

    @contextlib.contextmanager
    def process(self, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A server as its owner would start it; ended at the end of the block."""
        with self.log("server") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            end(process)

    def log(self, name: str) -> IO[str]:
        """A file for what a process says, so that the report stays readable; to be used with ``with``."""
        return (self.folder / f"{name}.log").open("w")


@contextlib.contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage in a temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="leakkit-demo-") as folder:
        yield Stage(Path(folder))


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End that one process, wait for it and close its pipes."""
    if process.poll() is None:
        process.kill()
    process.wait()
    pipes: tuple[IO[str] | IO[bytes] | None, ...] = (process.stdin, process.stdout, process.stderr)
    for pipe in pipes:
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, in bytes.

    Raises:
        StageError: it ended.
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        raise StageError(f"the server (pid {pid}) ended") from None
    return pages * os.sysconf("SC_PAGE_SIZE")


def settled_bytes(pid: int, seconds: float) -> int:
    """Resident memory after so many seconds of quiet, which an idle server's timers need."""
    time.sleep(seconds)
    return resident_bytes(pid)


def last_line(log: Path) -> str:
    """The last line of a log, or a word that there is none."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message")
