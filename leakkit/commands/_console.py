"""The one place where commands print: data on stdout, everything else on stderr, reports into files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leakkit.errors import UsageError
from leakkit.report.escape import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_PLAIN_WIDTH = 80
_WIDEST = 100


@dataclass(frozen=True)
class Terminal:
    """What stdout can show."""

    is_tty: bool
    color: bool
    width: int
    unicode: bool


def stdout_terminal() -> Terminal:
    """Colours only on a terminal and without NO_COLOR; 80 columns, or the terminal's own up to 100."""
    is_tty = sys.stdout.isatty()
    color = is_tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = min(shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns, _WIDEST) if is_tty else _PLAIN_WIDTH
    return Terminal(is_tty, color, width, _can_encode(sys.stdout))


def _can_encode(stream: TextIO) -> bool:
    """Whether the stream's encoding has the glyphs of the drawings."""
    try:
        "┬├─╰→│×−".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def prepare_streams() -> None:
    """Let no character of a target's name raise an encoding error; a closed stream swallows what it is given."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the shell's <&-, >&- and 2>&-
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - stays open for the whole run
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def emit(text: str) -> None:
    """Write data to stdout; a reader that went away (``| head``) is not an error.

    Raises:
        UsageError: stdout cannot be written, a full disk for example.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
    except OSError as error:
        drop_stdout()
        raise UsageError(f"cannot write to stdout: {error.strerror or error}", "write into a file with -o") from error


def drop_stdout() -> None:
    """Point stdout to nowhere, so that Python's flush at exit does not complain about the closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def note(text: str) -> None:
    """One line of progress or advice on stderr, control characters written out."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(one_line(text) + "\n")
        sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """An error on stderr: ``leakkit: message`` and, where there is one, ``hint: …``."""
    note(f"leakkit: {message}")
    if hint:
        note(f"hint: {hint}")


def check_place(path: Path | None, *, devices: bool = False) -> None:
    """Refuse, before any work is done, a file that could not be written in the end.

    Args:
        path: the file, or None when there is none to write.
        devices: a device or a named pipe will do, too.

    Raises:
        UsageError: it is a folder, its folder is missing, or it is not a regular file.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder", "name a file in it with -o")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}", "choose another place with -o")
    if not devices and path.exists() and not path.is_file():
        raise UsageError(f"cannot write {path}: it is not a regular file", "choose another place with -o")


def write_file(path: Path, content: str | bytes) -> None:
    """Write a report, or a picture, into a file: aside first, then renamed, readable by its owner only.

    A device or a named pipe is written to directly.

    Raises:
        UsageError: the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = path.resolve()
        descriptor, aside = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(aside).replace(target)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise UsageError(message, "choose another place with -o") from error


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
    """SIGTERM and SIGHUP clean up as Ctrl-C does, and end with 128 plus the signal's number."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    mine = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for one in mine:
        signal.signal(one, leave)
    try:
        yield
    finally:
        for one in mine:
            signal.signal(one, signal.SIG_DFL)
