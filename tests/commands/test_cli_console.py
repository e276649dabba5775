"""Printing: files are written aside, terminals get what they can show."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from leakkit.commands._console import check_place, write_file
from leakkit.errors import UsageError


def test_report_file_is_private_and_whole(tmp_path: Path) -> None:
    """The file appears complete under its name, mode 0600, and nothing is left beside it."""
    path = tmp_path / "report.html"
    path.write_text("old")
    write_file(path, "new – text\n")
    assert path.read_text(encoding="utf-8") == "new – text\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file behind a symbolic link is replaced, not the link."""
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    write_file(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


def test_a_device_is_written_to() -> None:
    """``-o /dev/null`` replaces no device."""
    write_file(Path("/dev/null"), "text")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_unwritable_place_is_a_usage_error(tmp_path: Path) -> None:
    """A folder that is not there is told in one line."""
    with pytest.raises(UsageError, match="cannot write .*No such file or directory"):
        write_file(tmp_path / "missing" / "report.md", "text")


SHOW = """
import sys; sys.path.insert(0, {tests!r})
from leakkit.commands._console import emit, prepare_streams, stdout_terminal
from leakkit.report import render
from report.samples import hostile_report, leak_report
prepare_streams()
t = stdout_terminal()
emit(render({sample}(), 'text', color=t.color, width=t.width, unicode=t.unicode))
"""


def show(sample: str, **env: str) -> bytes:
    code = SHOW.format(tests=str(Path(__file__).parents[1]), sample=sample)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=True, env={**os.environ, **env}
    ).stdout


@pytest.mark.parametrize("sample", ["leak_report", "hostile_report"])
def test_ascii_stdout(sample: str) -> None:
    """A pipe without UTF-8 gets ASCII and no encoding error."""
    assert show(sample, PYTHONIOENCODING="ascii").isascii()


def test_no_colours_in_a_pipe() -> None:
    """Colours are for terminals only."""
    assert b"\x1b" not in show("leak_report", FORCE_COLOR="1")


def on_a_terminal(columns: int, **env: str) -> str:
    """The text as a terminal of that width receives it."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    code = SHOW.format(tests=str(Path(__file__).parents[1]), sample="leak_report")
    environment = (
        {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS"}}
        | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        | env
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, env=environment)
    os.close(slave)
    received = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        received += data
    os.close(master)
    assert process.wait(timeout=30) == 0
    return received.decode().replace("\r\n", "\n")


def test_terminal_gets_colours_and_its_width() -> None:
    """A narrow terminal gets narrow lines, in colour."""
    import re

    text = on_a_terminal(64)
    assert "\x1b[1;31mleak found\x1b[0m" in text
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()) <= 64


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminal_without_colours(env: dict[str, str]) -> None:
    """NO_COLOR and dumb terminals are respected."""
    assert "\x1b" not in on_a_terminal(80, **env)


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """A folder, a file in no folder, and a pipe where only a file will do; a new or an old file is fine."""
    pipe, old = tmp_path / "pipe", tmp_path / "old.leak"
    os.mkfifo(pipe)
    old.touch()
    for path, why in ((tmp_path, "a folder"), (tmp_path / "no" / "x.leak", "no folder"), (pipe, "regular file")):
        with pytest.raises(UsageError, match=why):
            check_place(path)
    check_place(None)
    check_place(old)
    check_place(tmp_path / "new.leak")
    check_place(pipe, devices=True)


def test_closed_streams_are_not_an_error() -> None:
    """``leakkit --version >&- 2>&-`` ends well."""
    command = f"exec {sys.executable} -m leakkit --version <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0  # noqa: S602
