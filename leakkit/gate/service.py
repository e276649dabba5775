"""A service under test and its load: started, waited for, and ended with all that they started, by process id."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.capture.launch import launch
from leakkit.capture.processes import descendants, started_at
from leakkit.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from leakkit.capture.launch import Launched

END_SECONDS: Final = 5.0
"""A service has so long to end by itself before it is killed."""
SETTLED_SECONDS: Final = 0.3
"""The service has settled when it used no processor time for so long."""
_POLL: Final = 0.05
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServiceFailed(TargetError):
    """The service or its load did not do what was asked: it ended, never got ready, or failed."""


class Service:
    """A running service; made by :func:`run_service`.

    Attributes:
        log: file with all that it says.
    """

    def __init__(self, program: Launched, log: Path) -> None:
        self._program = program
        self.log = log

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._program.popen.pid

    def processes(self) -> list[tuple[int, int]]:
        """The service's processes, each by id and start time; also those that left their parent but not the session."""
        return family(self.pid)

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Raises:
            ServiceFailed: it ended.
        """
        status = self._program.popen.poll()
        if status is not None:
            raise ServiceFailed(f"the service ended with status {status}: {last_line(self.log)}", _log_hint(self.log))

    def wait_ready(self, ready: Callable[[Service], bool], seconds: float) -> None:
        """Wait until it is ready.

        Raises:
            ServiceFailed: it ended, or was not ready in time.
        """
        end = time.monotonic() + seconds
        while not ready(self):
            self.check_alive()
            if time.monotonic() > end:
                raise ServiceFailed(
                    f"the service was not ready after {seconds:g} s: {last_line(self.log)}", _log_hint(self.log)
                )
            time.sleep(_POLL)
        self.check_alive()

    def settle(self, seconds: float) -> bool:
        """Wait until it has been idle for a moment; False when it was still busy after so many seconds."""
        end = time.monotonic() + seconds
        before, since = None, time.monotonic()
        while time.monotonic() < end:
            self.check_alive()
            now = _activity(self.processes())
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= SETTLED_SECONDS:
                return True
            time.sleep(_POLL)
        return False


def ready_when(wanted: str) -> Callable[[Service], bool]:
    """What ``--ready`` asks for.

    Args:
        wanted: an ``http(s)://`` address that must answer with a status below 500, or a regular expression that a
            line of the service's output must match.

    Raises:
        UsageError: not a regular expression.
    """
    if wanted.startswith(("http://", "https://")):
        return lambda _service: _answers(wanted)
    try:
        pattern = re.compile(wanted, re.MULTILINE)
    except re.error as error:
        raise UsageError(f"--ready: not a regular expression: {error}", "or give an address: http://…") from None
    return lambda service: pattern.search(service.log.read_text(encoding="utf-8", errors="replace")) is not None


def _answers(address: str) -> bool:
    try:
        with _NO_PROXY.open(address, timeout=2.0):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except (OSError, ValueError):
        return False


def split_command(text: str, option: str) -> list[str]:
    """The words of a command; no shell is involved.

    Raises:
        UsageError: it is empty, or a quote is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", 'quote it as for a shell: --serve "python app.py"') from None
    if not words:
        raise UsageError(f"{option} is empty", 'for example: --serve "python app.py"')
    return words


@contextlib.contextmanager
def run_service(argv: Sequence[str]) -> Iterator[Service]:
    """Start a service with the agent preloaded; at the end it and all its processes are ended.

    It has a session of its own, so that Ctrl-C reaches leakkit only, which then ends it.

    Raises:
        UsageError: the command cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="leakkit-gate-") as folder:
        log = Path(folder) / "service.log"
        with (
            log.open("wb") as out,
            launch(
                argv,
                hello_seconds=0.0,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as program,
        ):
            try:
                yield Service(program, log)
            finally:
                with undisturbed():
                    end_family(program.popen)


class Load:
    """The command that makes one portion of the load each time it is run.

    Args:
        argv: the command.
        seconds: longest time for one run.
    """

    def __init__(self, argv: Sequence[str], seconds: float) -> None:
        self._argv = list(argv)
        self._seconds = seconds

    def run(self, service: Service) -> None:
        """Run it once to its end.

        Raises:
            UsageError: it cannot be started.
            ServiceFailed: it failed or took too long, or the service ended meanwhile.
        """
        with tempfile.TemporaryFile() as out:
            try:
                process = subprocess.Popen(
                    self._argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
                )
            except OSError as error:
                message = f"cannot start {self._argv[0]}: {error.strerror}"
                raise UsageError(message, 'give the load as on a command line: --drive "python load.py"') from None
            try:
                status = self._wait(process, service)
            finally:
                with undisturbed():
                    end_family(process, patience=0.0)
            if status:
                out.seek(0)
                told = _last_line_of(out.read())
                raise ServiceFailed(f"the load ended with status {status}: {told}", "run the --drive command by hand")

    def _wait(self, process: subprocess.Popen[bytes], service: Service) -> int:
        end = time.monotonic() + self._seconds
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(0.2)
            service.check_alive()
            if time.monotonic() > end:
                raise ServiceFailed(
                    f"one run of the load took longer than {self._seconds:g} s", "give a smaller load, or --max-time"
                )


def family(pid: int) -> list[tuple[int, int]]:
    """A process, its descendants and its session's other processes, each by id and start time (clock ticks)."""
    return _stamped([*descendants(pid), *_session_of(pid)])


def _session_of(pid: int) -> list[int]:
    """The processes of that session; its id is not given to another process as long as one of them is there."""
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(entry.name) for entry in entries if _session(entry) == pid]


def _stamped(pids: Sequence[int]) -> list[tuple[int, int]]:
    stamped = [(one, started_at(one)) for one in dict.fromkeys(pids)]
    return [(one, ticks) for one, ticks in stamped if ticks is not None]


def _stat(folder: Path) -> list[str]:
    """Fields of ``stat`` after the command; empty when the process is gone. The first one is the state."""
    try:
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _session(folder: Path) -> int | None:
    fields = _stat(folder)
    return int(fields[3]) if len(fields) > 3 and fields[0] not in "ZX" else None


def _activity(processes: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Processes, the processor time of each in clock ticks, and its open files."""
    found = []
    for pid, _ in processes:
        fields = _stat(Path(f"/proc/{pid}"))
        if len(fields) > 12:
            try:
                files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
            except OSError:
                files = -1
            found.append((pid, int(fields[11]) + int(fields[12]), files))
    return found


def end_family(process: subprocess.Popen[Any], *, patience: float = END_SECONDS) -> None:
    """End a process that was started with a session of its own, and everything below it and in that session.

    The first one is asked first, so that a server ends its workers as it wants to; what is left after that is killed,
    each by its id and only if its start time says that it is still the same process.
    """
    known: list[tuple[int, int]] = []
    if process.poll() is None:
        known = family(process.pid)
        if patience > 0:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    left = _session_of(process.pid)
    # Once it is reaped another process may get its id, but not while its session lives.
    if process.returncode is None or process.pid not in left:
        known = list(dict.fromkeys([*known, *_stamped(left)]))
    for pid, ticks in known:
        if pid != process.pid and started_at(pid) == ticks:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait while processes are being ended; they are delivered afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    missed: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        missed.append(number)

    before = {one: signal.signal(one, remember) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if missed:
            signal.raise_signal(missed[0])


def last_line(log: Path) -> str:
    """The last line that a service wrote, or a word that there is none."""
    try:
        return _last_line_of(log.read_bytes())
    except OSError:
        return "no message"


def _last_line_of(content: bytes) -> str:
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no message")


def _log_hint(log: Path) -> str:
    """The last lines of the log, which is gone with the service."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return "its last lines: " + " | ".join(line.strip() for line in lines[-5:] if line.strip()) if lines else ""
