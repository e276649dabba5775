"""Start a program with the agent's socket preloaded, and hear when its Pythons start and end.

A folder with a ``sitecustomize.py`` is put first on PYTHONPATH, so scripts, ``-m module``, console scripts and Python
children all get it; the program's own ``sitecustomize`` still runs.  Over a private socket each Python says hello when
its agent listens, and asks at its end (from ``atexit``) whether leakkit wants a last look.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import leakkit
from leakkit.capture import agent_socket
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

HELLO_SECONDS: Final = 10.0
"""How long a program may take until its first Python says hello; others are entered from outside."""
_CREDENTIALS: Final = "3i"
_LONGEST_FOLDER: Final = 80
"""Bytes of a temporary folder and the start of our own's name."""
_FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Launched:
    """A program that leakkit started; made by :func:`launch`.

    Args:
        argv: the command.
        env: its environment; the current one when None.
        folder: private folder for the channel.
        hold: whether a Python that ends waits until :meth:`let_end`.
        hold_start: whether the first Python waits at its start until :meth:`let_start`.
        options: passed to ``subprocess.Popen`` (``stdout=`` and the like).

    Raises:
        UsageError: the command cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None,
        folder: Path,
        hold: bool,
        hold_start: bool,
        options: Mapping[str, object],
    ) -> None:
        self._changed = threading.Condition()
        self._hold = hold
        self._hold_start = hold_start
        self._starting: socket.socket | None = None
        self._greeted: list[int] = []
        self._held: dict[int, socket.socket] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel = folder / "launch.sock"
        self._server.bind(str(channel))
        self._server.listen(64)
        self._thread = threading.Thread(target=self._serve, name="leakkit-launch", daemon=True)
        environment = preloaded(os.environ if env is None else env, channel)
        if hold_start:
            environment["LEAKKIT_LAUNCH_TRACK"] = "1"
        try:
            self.popen: subprocess.Popen[Any] = subprocess.Popen(list(argv), env=environment, **cast("Any", options))
        except OSError as error:
            self._server.close()
            raise UsageError(
                f"cannot start {argv[0]}: {error.strerror}", "give the program as on a shell's command line, after --"
            ) from None
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            try:
                connection.settimeout(2.0)
                raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS))
                pid = int(struct.unpack(_CREDENTIALS, raw)[0])
                word = connection.recv(64).split(b" ")[0]
            except OSError:
                connection.close()
                continue
            self._heard(word, pid, connection)

    def _heard(self, word: bytes, pid: int, connection: socket.socket) -> None:
        with self._changed:
            first = not self._greeted
            if word == b"hello" and pid not in self._greeted:
                self._greeted.append(pid)
            if word == b"hello" and first and self._hold_start:
                self._starting = connection
            elif word == b"exit" and self._hold and pid == self._main():
                self._held[pid] = connection
            else:
                connection.close()
            self._changed.notify_all()

    def _main(self) -> int | None:
        """The program's first Python: the started process itself, or the first one below it."""
        if self.popen.pid in self._greeted:
            return self.popen.pid
        return self._greeted[0] if self._greeted else None

    @property
    def pid(self) -> int:
        """The Python to snapshot; the started process while none has said hello."""
        with self._changed:
            return self._main() or self.popen.pid

    @property
    def listening(self) -> bool:
        """Whether a Python of the program has its agent's socket up."""
        return bool(self._greeted)

    @property
    def ending(self) -> bool:
        """Whether the program has come to its end and waits for :meth:`let_end`."""
        return bool(self._held)

    def wait_listening(self, seconds: float) -> bool:
        """Wait for the first hello; False when it did not come or the program ended before."""
        end = seconds
        with self._changed:
            while not self._greeted and end > 0 and self.popen.poll() is None:
                self._changed.wait(0.05)
                end -= 0.05
        return self.listening

    def wait_ending(self, seconds: float | None) -> bool:
        """Wait until the program ends or waits to; False after ``seconds``."""
        left = float("inf") if seconds is None else seconds
        with self._changed:
            while not self._held and self.popen.poll() is None:
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
                left -= 0.05
        return True

    def let_start(self) -> None:
        """The program that waits at its start goes on."""
        with self._changed:
            self._hold_start = False
            if self._starting is not None:
                self._starting.close()
                self._starting = None

    def let_end(self) -> None:
        """Nobody wants a last look any more: what waits at its end goes on."""
        with self._changed:
            self._hold = False
            for connection in self._held.values():
                connection.close()
            self._held.clear()

    def wait(self) -> int:
        """Let the program go on to its end; its exit status as a shell says it (128 + signal)."""
        self.let_end()
        code = self.popen.wait()
        return 128 - code if code < 0 else code

    def close(self) -> None:
        """Close the channel; a program that still runs goes on without leakkit."""
        self.let_start()
        self.let_end()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(2.0)


def preload_folder() -> Path:
    """The folder that goes on PYTHONPATH."""
    return Path(leakkit.__file__).parent / "agent" / "preload"


def preloaded(env: Mapping[str, str], channel: Path) -> dict[str, str]:
    """An environment in which every Python opens the agent's socket and says hello on ``channel``."""
    paths = [str(preload_folder()), *([env["PYTHONPATH"]] if env.get("PYTHONPATH") else [])]
    return {**env, "PYTHONPATH": os.pathsep.join(paths), "LEAKKIT_LAUNCH": str(channel)}


def _short_folder() -> Path:
    """A private folder whose path leaves room for a socket's name: the kernel takes 107 bytes."""
    prefix = f"leakkit-launch-{os.getpid()}-"
    long = len(os.fsencode(tempfile.gettempdir())) + len(prefix) > _LONGEST_FOLDER
    return Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp" if long else None))  # noqa: S108 - mode 0700, random name


@contextlib.contextmanager
def launch(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    hold_exit: bool = False,
    hold_start: bool = False,
    hello_seconds: float = HELLO_SECONDS,
    **options: object,
) -> Iterator[Launched]:
    """Start a program and wait until its agent's socket is up.

    On leaving, a program that still runs is ended (SIGTERM, then SIGKILL after 5 s).

    Args:
        argv: the command.
        env: its environment; the current one when None.
        hold_exit: whether the program's main Python, at its end, waits for :meth:`Launched.let_end`.
        hold_start: whether its first Python, at its start, waits for :meth:`Launched.let_start`.
        hello_seconds: how long to wait for the socket; a program whose Python ignores PYTHONPATH never has one.
        options: passed to ``subprocess.Popen``.

    Raises:
        UsageError: the command cannot be started.
    """
    folder = _short_folder()
    program = None
    try:
        program = Launched(argv, env=env, folder=folder, hold=hold_exit, hold_start=hold_start, options=options)
        program.wait_listening(hello_seconds)
        yield program
    finally:
        if program is not None:
            _end(program)
        shutil.rmtree(folder, ignore_errors=True)
        agent_socket.sweep()


def _end(program: Launched) -> None:
    program.close()
    if program.popen.poll() is None:
        program.popen.terminate()
        try:
            program.popen.wait(5.0)
        except subprocess.TimeoutExpired:
            program.popen.kill()
            program.popen.wait()
    for pipe in (program.popen.stdin, program.popen.stdout, program.popen.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


@contextlib.contextmanager
def signals_to(program: Launched) -> Iterator[None]:
    """Pass the terminal's and the supervisor's signals to the program instead of ending leakkit.

    Ctrl-C on a terminal reaches the program by itself.  When the program waits at its end for a snapshot, Ctrl-C
    raises KeyboardInterrupt here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGINT and program.ending:
            raise KeyboardInterrupt
        if number not in (signal.SIGINT, signal.SIGQUIT) or not _has_terminal(program.popen.pid):
            with contextlib.suppress(ProcessLookupError):
                program.popen.send_signal(number)

    # What is ignored (nohup, a background job) stays ignored.
    mine = [number for number in _FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in mine}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal(pid: int) -> bool:
    """Whether the program is in the terminal's foreground, where Ctrl-C reaches it without us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgid(pid)
    except OSError:
        return False
    finally:
        os.close(terminal)
