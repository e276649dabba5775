"""The demonstration runs for real: both leaks come first, the prediction holds, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-P", "-m", "leakkit", "demo", "--quick"]


def megabytes(text: str) -> float:
    """A size of the comparison table in MB."""
    number, unit = text.split()
    return float(number) * {"kB": 1e-3, "MB": 1.0, "GB": 1e3}[unit]


def comparison_rows(output: str) -> list[list[str]]:
    """The cells of the comparison table at the end."""
    lines = output.splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("leak ") and "predicted" in line)
    return [re.split(r"\s{2,}", line.strip()) for line in lines[head + 2 :] if line.strip()]


def processes_in(folder: Path) -> list[int]:
    """Processes whose command line names that folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.real
def test_both_leaks_are_found_repaired_and_predicted(tmp_path: Path) -> None:
    """The diagnosis names handler, line and variable; memory falls by more than half, as predicted within 20 %."""
    pytest.importorskip("websockets.asyncio.server")
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert "suspended" in done.stdout and "idle_server.py" in done.stdout, shown
    assert "items" in done.stdout and "handler" in done.stdout, shown
    assert "Node" in done.stdout and "cycle" in done.stdout, shown
    rows = comparison_rows(done.stdout)
    assert [row[1] for row in rows] in (["hibernate", "collect"], ["isolate", "collect"]), shown
    for _, _, before, after, predicted, measured, _ in rows:
        assert megabytes(after) < megabytes(before) / 2, shown
        assert megabytes(predicted) == pytest.approx(megabytes(measured), rel=0.2), shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """Interrupted while the server is under load: status 130, no child, no file."""
    pytest.importorskip("websockets.asyncio.server")
    process = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    deadline = time.monotonic() + 60
    while len(processes_in(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(processes_in(tmp_path)) == 2
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_missing_websockets_is_one_line_and_a_hint(tmp_path: Path) -> None:
    """Without websockets the demo says how to install it."""
    code = (
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name.startswith('websockets') else real(name, *rest)\n"
        "import sys; sys.argv = ['leakkit', 'demo']\n"
        "from leakkit.commands import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("leakkit: the demo needs websockets")
    assert "leakkit[demo]" in done.stderr
