"""The command line as a user meets it: help, version, errors, exit codes, pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leakkit import __version__
from leakkit.commands import COMMANDS
from leakkit.errors import ExitCode


def leakkit(*args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in {"LEAKKIT_DEBUG", "NO_COLOR"}} | (env or {})
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", *args], capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=cwd)


def test_version() -> None:
    """``--version`` prints one line on stdout."""
    done = leakkit("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"leakkit {__version__}\n", "")


def test_help_lists_the_commands() -> None:
    """Each command stands in the help with what it does."""
    done = leakkit("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str) -> None:
    """Every command explains itself, and its examples keep their lines."""
    done = leakkit(command, "--help")
    assert done.returncode == 0
    assert "\\b" not in done.stdout
    if command != "demo":
        assert re.search(rf"(?m)^  leakkit {command} ", done.stdout)


def test_help_imports_nothing_heavy() -> None:
    """Neither numpy nor igraph nor elftools is loaded before a command runs, so help is fast."""
    code = "import sys; from leakkit.commands import build_app; build_app(); print([m for m in ('numpy', 'igraph', 'elftools', 'rich', 'websockets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("diagnose", "1", "--every", "5s"), "leakkit: --every needs --for"),
        (("diagnose", "1", "--for", "soon"), "leakkit: --for: not a duration: 'soon'"),
        (("diagnose", "1", "--for", "10s", "--every", "10s"), "leakkit: that makes 2 snapshots, and growth needs three"),
        (("diagnose", "1", "2"), "leakkit: give one process id, or files"),
        (("diagnose", "a.leak", "--for", "10s"), "leakkit: --for: only for a process id"),
    ],
)
def test_usage_errors(args: tuple[str, ...], message: str) -> None:
    """One line and a hint on stderr, nothing on stdout, exit status 2."""
    done = leakkit(*args)
    assert done.returncode == ExitCode.USAGE
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == message
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


def test_unknown_option() -> None:
    """What Typer refuses is a usage error as well."""
    done = leakkit("diagnose", "1", "--colour")
    assert done.returncode == ExitCode.USAGE
    assert "--colour" in done.stderr


@pytest.mark.parametrize("command", ["diagnose", "info"])
def test_bad_files(command: str, tmp_path: Path) -> None:
    """A file that is no snapshot, and one that is not there, give status 4 and one line."""
    bad = tmp_path / "bad.leak"
    bad.write_bytes(b"not a snapshot at all" * 50)
    for name in (bad, tmp_path / "missing.leak"):
        done = leakkit(command, str(name))
        assert done.returncode == ExitCode.SNAPSHOT_FILE, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("leakkit: ")
        assert "Traceback" not in done.stderr


def test_no_such_process() -> None:
    """A process id that nobody has gives status 3 and says so."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    done = leakkit("diagnose", str(gone.pid))
    assert done.returncode == ExitCode.TARGET, done.stderr
    assert "leakkit: " in done.stderr
    assert "Traceback" not in done.stderr


def test_internal_errors_are_one_line(tmp_path: Path) -> None:
    """A bug shows as one line, a hint and status 70; LEAKKIT_DEBUG=1 shows the traceback."""
    code = "import leakkit.store as s; s.read = lambda p: 1 / 0; from leakkit.commands import main; import sys; sys.argv = ['leakkit', 'info', 'x']; main()"
    for debug in ("", "1"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, "LEAKKIT_DEBUG": debug})
        assert done.returncode == ExitCode.INTERNAL
        assert "leakkit: internal error: ZeroDivisionError: division by zero" in done.stderr
        assert ("Traceback" in done.stderr) == bool(debug)
        assert ("LEAKKIT_DEBUG=1" in done.stderr) == (not debug)


def test_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C while a command works ends it with status 130 and one line."""
    fifo = tmp_path / "slow.leak"
    code = "import time, leakkit.store as s; s.read = lambda p: (print('reading', flush=True), time.sleep(60)); from leakkit.commands import main; import sys; sys.argv = ['leakkit', 'info', 'x']; main()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert stderr == "leakkit: interrupted\n"
    assert not fifo.exists()


def test_closed_pipe_is_quiet() -> None:
    """``leakkit … | head -1`` prints no complaint."""
    code = "from leakkit.commands._console import emit; [emit('x' * 1000 + chr(10)) for _ in range(1000)]; import sys; sys.exit(0)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 0


def test_exit_codes_are_documented() -> None:
    """Every code stands in the documentation with its number."""
    text = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} |" in text


def test_json_report_schema_is_shipped_unchanged() -> None:
    """The contract is a package file, and it names its version."""
    from leakkit.report.as_json import SCHEMA_ID, schema

    assert schema()["properties"]["schema"]["const"] == SCHEMA_ID
    json.dumps(schema())
